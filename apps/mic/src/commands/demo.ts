import { Command, Option } from 'commander';
import { MicError } from '@mic/domain';
import { runDemo, type DemoSource } from '../demo/run-demo';
import { DEFAULT_HOME, homeAt, storeOf } from '../home';
import { wholeNumber } from '../number-flags';
import { STORE_OPTION } from '../store-option';

interface DemoFlags {
  once?: boolean;
  json?: boolean;
  home: string;
  store?: string;
  allInOne?: boolean;
  import?: 'movielens-100k';
  from?: string;
  seed: number;
}

export function demoCommand(): Command {
  return new Command('demo')
    .description('from events to answers in one go: data, training, release, server, recommendations')
    .option('--once', 'end after showing a few users; otherwise the server stays up')
    .option('--json', 'print one line of JSON at the end: release, timingsMs, recalls')
    .option('--home <dir>', 'home of the installation', DEFAULT_HOME)
    .addOption(STORE_OPTION())
    .option('--all-in-one', 'serve from one process in place of the four services')
    .addOption(new Option('--import <format>', 'real data instead of a made world').choices(['movielens-100k']))
    .option('--from <dir>', 'folder of the files to import')
    .option('--seed <n>', 'seed of the made world and of training', wholeNumber(0, 0x7fffffff), 1)
    .addHelpText(
      'after',
      `
Examples:
  $ mic demo
  $ mic demo --once --json
  $ mic demo --store redis://127.0.0.1:6379
  $ mic demo --once --import movielens-100k --from path/to/ml-100k`,
    )
    .action(async (flags: DemoFlags) => {
      const home = homeAt(flags.home);
      await runDemo({
        home,
        store: storeOf(home, flags.store),
        allInOne: flags.allInOne ?? false,
        source: sourceOf(flags),
        seed: flags.seed,
        once: flags.once ?? false,
        json: flags.json ?? false,
      });
    });
}

function sourceOf(flags: DemoFlags): DemoSource {
  if (flags.import === undefined && flags.from === undefined) return { kind: 'synthetic' };
  if (flags.import !== undefined && flags.from !== undefined) return { kind: flags.import, dir: flags.from };
  throw new MicError('INVALID_ARGUMENT', '--import and --from go together', {
    remedy: 'write --import movielens-100k --from DIR, with the folder of u.data, u.user, u.item and u.genre',
  });
}
