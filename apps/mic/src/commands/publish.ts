import { Command } from 'commander';
import { DEFAULT_HOME, homeAt, storeOf } from '../home';
import { runPublish } from '../run-publish';
import { STORE_OPTION } from '../store-option';

export function publishCommand(): Command {
  return new Command('publish')
    .description('load the lists of a release into the store, then point the store at it')
    .requiredOption('--release <id>', 'release to publish, as printed by mic build')
    .option('--home <dir>', 'home of the installation', DEFAULT_HOME)
    .addOption(STORE_OPTION())
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ mic publish --home .mic --release r20260131120000-1a2b3c4d
  $ mic publish --home .mic --release r20260131120000-1a2b3c4d --store redis://127.0.0.1:6379
The release is verified first. Publishing the same release again changes nothing.
Back to the one before: mic rollback`,
    )
    .action(async (options: { release: string; home: string; store?: string; json?: boolean }) => {
      const home = homeAt(options.home);
      const pointer = await runPublish(options.release, home, storeOf(home, options.store));
      if (options.json) console.log(JSON.stringify(pointer));
      else console.log(`the store now serves release ${pointer.releaseId}`);
    });
}
