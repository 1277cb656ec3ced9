import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import { Command } from 'commander';
import { benchFaults, type FaultRow } from './faults';
import { mic } from './installation';

const program = new Command('bench').description(
  'measurements of this project; each prints a table, or JSON with --json',
);

program
  .command('faults')
  .description('Recall through four services while one of them is frozen or gone: failures, flags and times')
  .option('--home <dir>', 'home with a published release and its history; without it a made world')
  .option('--store <address>', 'store of the services; without it HOME/store')
  .option('--calls <n>', 'calls of each load', Number, 2_000)
  .option('--concurrency <n>', 'calls at a time', Number, 4)
  .option('--deadline-ms <ms>', 'deadline of each call', Number, 50)
  .option('--users <prefix-count>', 'users to ask for, as PREFIX:DIGITS:COUNT', 'user-:5:500')
  .option('--json', 'print one line of JSON')
  .action(async (flags: FaultFlags) => {
    await withHome(flags, async (home) => {
      const [prefix, digits, count] = flags.users.split(':') as [string, string, string];
      const userIds = Array.from({ length: Number(count) }, (_, i) => prefix + String(i).padStart(Number(digits), '0'));
      const { store, calls, concurrency, deadlineMs } = flags;
      const rows: FaultRow[] = [];
      await benchFaults({ home, store, userIds, calls, concurrency, deadlineMs }, (row) => {
        rows.push(row);
        if (!flags.json)
          console.error(`${row.fault}: ${row.failed} of ${row.calls} failed, ${row.unflagged} unflagged`);
      });
      console.log(flags.json ? JSON.stringify(rows) : faultTable(rows));
    });
  });

interface FaultFlags {
  home?: string;
  store?: string;
  calls: number;
  concurrency: number;
  deadlineMs: number;
  users: string;
  json?: boolean;
}

/** Runs over a home that is given, or over one that is made for it and removed afterwards. */
async function withHome(
  { home: given, store }: { readonly home?: string; readonly store?: string },
  work: (home: string) => Promise<void>,
): Promise<void> {
  if (given !== undefined) {
    await work(given);
    return;
  }
  const home = await mkdtemp(join(tmpdir(), 'mic-bench-'));
  try {
    console.error('making a world, a model and a release');
    await mic('demo', '--once', '--json', '--home', home, ...(store === undefined ? [] : ['--store', store]));
    await work(home);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

function faultTable(rows: readonly FaultRow[]): string {
  const table = new Table({
    head: [
      'fault',
      'calls',
      'failed',
      'unexplained',
      'unflagged',
      'items',
      'p50',
      'p99',
      'max',
      'loop delay',
      'outcomes',
    ],
    style: { head: [], border: [] },
  });
  const ms = (value: number): string => value.toFixed(1);
  for (const row of rows) {
    table.push([
      row.fault,
      row.calls,
      row.failed,
      row.unexplained,
      row.unflagged,
      row.items.toFixed(1),
      ms(row.p50Ms),
      ms(row.p99Ms),
      ms(row.maxMs),
      row.loopDelayMs,
      row.outcomes,
    ]);
  }
  return table.toString();
}

await program.parseAsync();
