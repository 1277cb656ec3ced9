import { writeFile } from 'node:fs/promises';
import Table from 'cli-table3';
import { Command } from 'commander';
import { benchUnknownUsers, type UnknownUsersRow } from './unknown-users';

interface UnknownUsersFlags {
  home: string;
  data: string;
  cases: number;
  events: number;
  seed: number;
  json?: string | true;
}

export function unknownUsersCommand(): Command {
  return new Command('unknown-users')
    .description('users whose id is masked, with a few inline events: hit rates of the online path beside popularity')
    .requiredOption(
      '--home <dir>',
      'home with a published release of a model trained with --protocol leave-one-out, whose store has no history yet',
    )
    .requiredOption('--data <dir>', 'dataset of that model')
    .option('--cases <n>', 'test users at most', Number, 8_000)
    .option('--events <n>', 'newest events told of each', Number, 5)
    .option('--seed <n>', 'of the sample', Number, 1)
    .option('--json [file]', 'print one line of JSON, or write it to a file')
    .action(async ({ json, ...options }: UnknownUsersFlags) => {
      const rows = await benchUnknownUsers(options);
      if (json === true) console.log(JSON.stringify(rows));
      else console.log(table(rows));
      if (typeof json === 'string') await writeFile(json, `${JSON.stringify(rows, null, 2)}\n`);
    });
}

function table(rows: readonly UnknownUsersRow[]): string {
  const names = ['HR@10', 'HR@50', 'HR@200'];
  const made = new Table({ head: ['', ...names], style: { head: [], border: [] } });
  for (const { way, metrics } of rows) {
    const cells = names.map((name) => {
      const { mean, low, high } = metrics[name]!;
      return `${mean.toFixed(3)} (${low.toFixed(3)} .. ${high.toFixed(3)})`;
    });
    made.push([way, ...cells]);
  }
  return `${made.toString()}\n${rows[0]?.cases ?? 0} users`;
}
