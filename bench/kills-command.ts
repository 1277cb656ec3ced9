import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRedis } from '@mic/redis-process';
import Table from 'cli-table3';
import { Command, Option } from 'commander';
import { benchKills, type KillsReport } from './kills';

interface KillsFlags {
  times: number;
  seed: number;
  store: 'lmdb' | 'redis';
  users: number;
  items: number;
  json?: string | true;
}

export function killsCommand(): Command {
  return new Command('kills')
    .description(
      'kill -9 of builds and publishes at random moments: what readers find then, and whether the next run completes',
    )
    .option('--times <n>', 'rounds, each kills one build and one publish', Number, 50)
    .option('--seed <n>', 'of the world and of the moments', Number, 1)
    .addOption(new Option('--store <kind>', 'a store of its own').choices(['lmdb', 'redis']).default('lmdb'))
    .option('--users <n>', 'users of the world', Number, 4_000)
    .option('--items <n>', 'items of the world', Number, 3_000)
    .option('--json [file]', 'print one line of JSON, or write it to a file')
    .action(async ({ json, users, items, store, ...options }: KillsFlags) => {
      const home = await mkdtemp(join(tmpdir(), 'mic-kills-'));
      const redis = store === 'redis' ? await startRedis() : null;
      try {
        const of = { ...options, home, store: redis?.url, world: { users, items } };
        let n = 0;
        const report = await benchKills(of, ({ build, publish, violations }) => {
          console.error(`${++n}: build at ${build.at}, publish at ${publish.at}`, ...violations);
        });
        console.log(json === true ? JSON.stringify(report) : killsTable(report));
        if (typeof json === 'string') await writeFile(json, `${JSON.stringify(report, null, 2)}\n`);
        if (report.violations.length > 0 || report.completed < report.kills) process.exitCode = 1;
      } finally {
        await redis?.stop();
        await rm(home, { recursive: true, force: true });
      }
    });
}

function killsTable({ hits, kills, completed, violations, rounds, buildMs, publishMs }: KillsReport): string {
  const table = new Table({ head: ['killed', 'at', 'times'], style: { head: [], border: [] } });
  for (const [what, counts] of Object.entries(hits)) {
    for (const [at, times] of Object.entries(counts)) table.push([what, at, times]);
  }
  const moved = rounds.filter(({ publish }) => publish.moved).length;
  const abandoned = rounds.filter(({ publish }) => publish.abandoned).length;
  const takenOver = rounds.reduce((sum, { build }) => sum + build.takenOver, 0);
  const seconds = (ms: number): string => (ms / 1_000).toFixed(1);
  return [
    table.toString(),
    `undisturbed: a build ${seconds(buildMs)} s, a publish ${seconds(publishMs)} s`,
    `${kills} kills, ${completed} completed by the next run, ${violations.length} violations`,
    `stages taken over by the next build: ${takenOver}; the pointer named the new release at ${moved} kills, the old one at the others; ${abandoned} releases abandoned`,
    ...violations,
  ].join('\n');
}
