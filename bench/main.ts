import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { letCallsDieYoung } from '@mic/rpc';
import Table from 'cli-table3';
import { Command } from 'commander';
import { benchAppend, type AppendRow } from './append';
import { benchFaults, type FaultRow } from './faults';
import { failoverCommand } from './failover-command';
import { filtersCommand } from './filters-command';
import { mic } from './installation';
import { killsCommand } from './kills-command';
import { liveCommand } from './live-command';
import { outcomesCommand } from './outcomes-command';
import { benchRecall, type RecallRow } from './recall';
import { benchSwap, type LoadFigures, type SwapReport } from './swap';
import { makeReleases, releasesOf } from './swap-home';
import { quantile } from './load';
import { unknownUsersCommand } from './unknown-users-command';
import { benchTrain, ENCODER_NAMES, type EncoderName, type TrainReport } from './train';
import { userIdsOf } from './user-ids';

letCallsDieYoung();

const program = new Command('bench').description(
  'measurements of this project; each prints a table, or JSON with --json',
);

const withLoadFlags = (
  command: Command,
  defaults: { calls: number; concurrency: number; deadlineMs: number },
): Command =>
  command
    .option('--home <dir>', 'home with a published release and its history; without it a made world')
    .option('--store <address>', 'store of the services; without it HOME/store')
    .option('--calls <n>', 'calls of each load', Number, defaults.calls)
    .option('--concurrency <n>', 'calls at a time', Number, defaults.concurrency)
    .option('--deadline-ms <ms>', 'deadline of each call', Number, defaults.deadlineMs)
    .option('--users <range>', 'users to ask for, as PREFIX:DIGITS:COUNT', 'user-:5:500')
    .option('--json', 'print one line of JSON');

withLoadFlags(program.command('faults'), { calls: 2_000, concurrency: 4, deadlineMs: 50 })
  .description('Recall through four services while one of them is frozen or gone: failures, flags and times')
  .action(async (flags: LoadFlags) => {
    const rows: FaultRow[] = [];
    await withHome(flags, (home) =>
      benchFaults({ ...flags, home, userIds: userIdsOf(flags.users) }, (row) => {
        rows.push(row);
        console.error(`${row.fault}: ${row.failed} of ${row.calls} failed, ${row.unflagged} unflagged`);
      }),
    );
    console.log(flags.json ? JSON.stringify(rows) : faultTable(rows));
  });

withLoadFlags(program.command('recall'), { calls: 4_000, concurrency: 16, deadlineMs: 500 })
  .description('Recall by one process and by four services: calls a second, times, CPU time by process')
  .action(async (flags: LoadFlags) => {
    const rows: RecallRow[] = [];
    await withHome(flags, (home) =>
      benchRecall({ ...flags, home, userIds: userIdsOf(flags.users) }, (row) => {
        rows.push(row);
        console.error(`${row.shape}, ${row.concurrency} at a time: ${row.callsPerSecond.toFixed(0)} calls a second`);
      }),
    );
    console.log(flags.json ? JSON.stringify(rows) : recallTable(rows));
  });

program
  .command('swap')
  .description(
    'a steady load at half of saturation, alone and while releases are swapped: failures, mixed answers, times, memory',
  )
  .option('--home <dir>', 'home with two releases or more and a history; without it one is made (minutes)')
  .option('--store <address>', 'store of the services; without it HOME/store')
  .option('--swaps <n>', 'swaps in a row', Number, 20)
  .option('--items <n>', 'items of the releases that are made', Number, 50_000)
  .option(
    '--deadline-ms <ms>',
    'deadline of each call; by default what a profile allows where callers set none',
    Number,
    500,
  )
  .option('--users <range>', 'users to ask for, as PREFIX:DIGITS:COUNT', 'user-:5:500')
  .option('--json [file]', 'print one line of JSON, or write it to a file')
  .action(async ({ home: given, json, users, items, ...options }: SwapFlags) => {
    const home = given ?? (await mkdtemp(join(tmpdir(), 'mic-bench-')));
    try {
      if (given === undefined) await makeReleases(home, options.store, items, (line) => console.error(line));
      const releaseIds = await releasesOf(home);
      const report = await benchSwap({ ...options, home, releaseIds, userIds: userIdsOf(users) }, (line) => {
        console.error(line);
      });
      if (json === true) console.log(JSON.stringify(report));
      else console.log(swapTable(report));
      if (typeof json === 'string') await writeFile(json, `${JSON.stringify(report, null, 2)}\n`);
    } finally {
      if (given === undefined) await rm(home, { recursive: true, force: true });
    }
  });

interface SwapFlags {
  home?: string;
  store?: string;
  swaps: number;
  items: number;
  deadlineMs: number;
  users: string;
  json?: string | true;
}

program
  .command('append')
  .description('AppendEvents and AppendEventStream by one process, without the event log and with it, twice each')
  .option('--home <dir>', 'home with a published release; without it a made world')
  .option('--calls <n>', 'calls of one event for each number of callers', Number, 3_000)
  .option('--concurrency <n>', 'calls at a time, beside one', Number, 64)
  .option('--stream-events <n>', 'events of the stream', Number, 300_000)
  .option('--json', 'print one line of JSON')
  .action(
    async (flags: { home?: string; calls: number; concurrency: number; streamEvents: number; json?: boolean }) => {
      const rows: AppendRow[] = [];
      await withHome(flags, (home) =>
        benchAppend({ ...flags, home }, (row) => {
          rows.push(row);
          console.error(
            `${row.way}${row.eventLog ? ', logged' : ''}: ${row.eventsPerSecond.toFixed(0)} events a second`,
          );
        }),
      );
      console.log(flags.json ? JSON.stringify(rows) : appendTable(rows));
    },
  );

program
  .command('train')
  .description('a training step of each encoder: milliseconds and their parts, beside PyTorch where python3 has it')
  .option('--steps <n>', 'steps measured of each', Number, 20)
  .option('--batch <n>', 'targets of a step', Number, 512)
  .option('--encoders <name...>', 'encoders to measure', [...ENCODER_NAMES])
  .option('--json [file]', 'print one line of JSON, or write it to a file')
  .action(async ({ json, ...options }: TrainFlags) => {
    const report = await benchTrain(options, ({ encoder, users, items, candidates, workers, stepMs, ratio }) => {
      const beside = ratio === null ? '' : `, ${ratio.toFixed(2)} of PyTorch`;
      console.error(
        `${encoder}, ${users} x ${items}, ${candidates}, ${workers} at work: ${stepMs.toFixed(1)} ms${beside}`,
      );
    });
    if (json === true) console.log(JSON.stringify(report));
    else console.log(trainTable(report));
    if (typeof json === 'string') await writeFile(json, `${JSON.stringify(report, null, 2)}\n`);
  });

interface TrainFlags {
  steps: number;
  batch: number;
  encoders: EncoderName[];
  json?: string | true;
}

interface LoadFlags {
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

function swapTable(report: SwapReport): string {
  const head = ['', 'calls', 'calls a second', 'failed', 'degraded', 'mixed', 'p50', 'p99', 'p99.9', 'max'];
  const table = new Table({ head, style: { head: [], border: [] } });
  const row = (name: string, of: LoadFigures): void => {
    const times = [of.p50Ms, of.p99Ms, of.p999Ms, of.maxMs].map((ms) => ms.toFixed(1));
    table.push([name, of.calls, of.callsPerSecond.toFixed(0), of.failed, of.degraded, of.mixed, ...times]);
  };
  row('without swaps', report.without);
  row(`${report.swaps.length} swaps`, report.with);
  const served = report.swaps.map(({ servedMs }) => servedMs).sort((a, b) => a - b);
  return [
    table.toString(),
    `p99 with swaps over p99 without: ${report.p99Ratio.toFixed(2)}`,
    `from the command until it is served: median ${(quantile(served, 0.5) / 1_000).toFixed(1)} s, longest ${(served.at(-1)! / 1_000).toFixed(1)} s`,
    `resident memory of the four services: ${report.mibAfterFifth.toFixed(0)} MiB after the fifth swap, ${report.mibAfterLast.toFixed(0)} MiB after the last`,
    ...report.with.troubles,
  ].join('\n');
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

function recallTable(rows: readonly RecallRow[]): string {
  const table = new Table({
    head: ['shape', 'at a time', 'calls/s', 'failed', 'degraded', 'p50 ms', 'p99 ms', 'CPU us a call'],
    style: { head: [], border: [] },
  });
  for (const { shape, concurrency, callsPerSecond, failed, degraded, p50Ms, p99Ms, cpuUs } of rows) {
    const total = Object.values(cpuUs).reduce((sum, us) => sum + us, 0);
    const parts = Object.entries(cpuUs).map(([name, us]) => `${name} ${us.toFixed(0)}`);
    const cpu = parts.length > 1 ? `${total.toFixed(0)} (${parts.join(', ')})` : total.toFixed(0);
    table.push([
      shape,
      concurrency,
      callsPerSecond.toFixed(0),
      failed,
      degraded,
      p50Ms.toFixed(2),
      p99Ms.toFixed(2),
      cpu,
    ]);
  }
  return table.toString();
}

function appendTable(rows: readonly AppendRow[]): string {
  const table = new Table({
    head: ['way', 'event log', 'events/s', 'p50 ms', 'p99 ms', 'CPU us an event', 'peak MiB'],
    style: { head: [], border: [] },
  });
  for (const { way, eventLog, eventsPerSecond, p50Ms, p99Ms, cpuUs, peakMiB } of rows) {
    const [p50, p99] = [p50Ms, p99Ms].map((ms) => (Number.isNaN(ms) ? '-' : ms.toFixed(2)));
    table.push([
      way,
      eventLog ? 'yes' : 'no',
      eventsPerSecond.toFixed(0),
      p50,
      p99,
      cpuUs.toFixed(0),
      peakMiB.toFixed(0),
    ]);
  }
  return table.toString();
}

function trainTable({ torch, rows, largeOverSmall }: TrainReport): string {
  const table = new Table({
    head: ['encoder', 'users x items', 'softmax', 'workers', 'step ms', 'prepare', 'run', 'update', 'PyTorch', 'ratio'],
    style: { head: [], border: [] },
  });
  const ms = (value: number | null): string => value?.toFixed(1) ?? '-';
  for (const row of rows) {
    table.push([
      row.encoder,
      `${row.users} x ${row.items}`,
      row.candidates,
      row.workers,
      ms(row.stepMs),
      ms(row.prepareMs),
      ms(row.runMs),
      ms(row.updateMs),
      ms(row.torchMs),
      row.ratio?.toFixed(2) ?? '-',
    ]);
  }
  const ratios = Object.entries(largeOverSmall).map(([name, ratio]) => `${name} ${ratio.toFixed(2)}`);
  return [
    table.toString(),
    `large tables over small ones, by encoder and workers: ${ratios.join(', ')}`,
    torch === null ? 'PyTorch is not installed (apt install python3-torch libopenblas0-pthread)' : `PyTorch ${torch}`,
  ].join('\n');
}

program.addCommand(filtersCommand());
program.addCommand(unknownUsersCommand());
program.addCommand(killsCommand());
program.addCommand(failoverCommand());
program.addCommand(liveCommand());
program.addCommand(outcomesCommand());

await program.parseAsync();
