import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import { Command } from 'commander';
import { benchFilters, type FilterRow } from './filters';
import { mic } from './installation';
import { userIdsOf } from './user-ids';
import { makeReleases } from './swap-home';

interface FiltersFlags {
  home?: string;
  items: number;
  users: string;
  n: number;
  seed: number;
  json?: string | true;
}

export function filtersCommand(): Command {
  return new Command('filters')
    .description(
      'filters that accept 50, 5, 1 and .1 % of the items: length of the answers, recall beside the exact ones, time',
    )
    .option(
      '--home <dir>',
      'home with a published release and its history, in its own store; without it one is made (minutes)',
    )
    .option('--items <n>', 'items of the release that is made', Number, 50_000)
    .option('--users <range>', 'users to ask for, as PREFIX:DIGITS:COUNT', 'user-:5:200')
    .option('--n <n>', 'items wanted', Number, 100)
    .option('--seed <n>', 'of what the filters accept', Number, 1)
    .option('--json [file]', 'print one line of JSON, or write it to a file')
    .action(async ({ home: given, json, items, users, ...options }: FiltersFlags) => {
      const home = given ?? (await mkdtemp(join(tmpdir(), 'mic-bench-')));
      try {
        if (given === undefined) {
          const [release] = await makeReleases(
            home,
            undefined,
            items,
            (line) => {
              console.error(line);
            },
            [1],
          );
          await mic('publish', '--home', home, '--release', release!);
        }
        const rows: FilterRow[] = [];
        await benchFilters({ ...options, home, userIds: userIdsOf(users) }, (row) => {
          rows.push(row);
          console.error(`${row.filter}: recall ${row.recall.toFixed(4)}, ${row.p50Ms.toFixed(1)} ms`);
        });
        if (json === true) console.log(JSON.stringify(rows));
        else console.log(filterTable(rows));
        if (typeof json === 'string') await writeFile(json, `${JSON.stringify(rows, null, 2)}\n`);
      } finally {
        if (given === undefined) await rm(home, { recursive: true, force: true });
      }
    });
}

function filterTable(rows: readonly FilterRow[]): string {
  const head = ['filter', 'accepts', 'full length', 'recall of the exact', 'least', 'p50 ms', 'p99 ms', 'CPU ms'];
  const table = new Table({ head, style: { head: [], border: [] } });
  for (const { filter, share, fullLength, recall, leastRecall, p50Ms, p99Ms, cpuMs } of rows) {
    const percent = (value: number, digits: number): string => `${(100 * value).toFixed(digits)} %`;
    const times = [p50Ms, p99Ms, cpuMs].map((ms) => ms.toFixed(2));
    table.push([
      filter,
      percent(share, 2),
      percent(fullLength, 1),
      recall.toFixed(4),
      leastRecall.toFixed(4),
      ...times,
    ]);
  }
  return table.toString();
}
