import { Command } from 'commander';
import { DEFAULT_HOME, homeAt, storeOf } from '../home';
import { runRollback } from '../run-rollback';
import { STORE_OPTION } from '../store-option';

export function rollbackCommand(): Command {
  return new Command('rollback')
    .description('point the store back at the release that was published before the current one')
    .option('--home <dir>', 'home of the installation', DEFAULT_HOME)
    .addOption(STORE_OPTION())
    .option('--to <release>', 'any release that is in the store; without it the one before the current one')
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ mic rollback --home .mic
  $ mic rollback --home .mic --to r20260131120000-1a2b3c4d
Nothing is written but the pointer. The live history stays as it is.`,
    )
    .action(async (options: { home: string; store?: string; to?: string; json?: boolean }) => {
      const home = homeAt(options.home);
      const { from, pointer } = await runRollback(home, storeOf(home, options.store), options.to);
      if (options.json) console.log(JSON.stringify({ from, ...pointer }));
      else console.log(`the store serves release ${pointer.releaseId} again, not ${from}`);
    });
}
