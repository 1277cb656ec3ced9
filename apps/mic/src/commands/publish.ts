import { Command } from 'commander';
import { DEFAULT_HOME, homeAt } from '../home';
import { runPublish } from '../run-publish';

export function publishCommand(): Command {
  return new Command('publish')
    .description('load the lists of a release into the store, then point the store at it')
    .requiredOption('--release <id>', 'release to publish, as printed by mic build')
    .option('--home <dir>', 'home of the installation', DEFAULT_HOME)
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `
Example:
  $ mic publish --home .mic --release r20260131120000-1a2b3c4d
The release is verified first. Publishing the same release again changes nothing.`,
    )
    .action(async (options: { release: string; home: string; json?: boolean }) => {
      const home = homeAt(options.home);
      const pointer = await runPublish(options.release, home);
      if (options.json) console.log(JSON.stringify(pointer));
      else console.log(`the store in ${home.store} now serves release ${pointer.releaseId}`);
    });
}
