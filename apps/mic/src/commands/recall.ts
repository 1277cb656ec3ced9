import { Command } from 'commander';
import { DEFAULT_ADDRESS } from '../address';
import { gatewayOf } from '../gateway-of';
import { DEFAULT_HOME } from '../home';
import { callRecall } from '../call-recall';
import { wholeNumber } from '../number-flags';
import { printRecall } from '../print-recall';

interface RecallFlags {
  user: string;
  n?: number;
  target?: string;
  home: string;
  profile?: string;
  release?: string;
  exclude: string[];
  category: string[];
  only: string[];
  seen: string[];
  explain?: boolean;
  timeoutMs: number;
  json?: boolean;
}

const collect = (value: string, all: string[]): string[] => [...all, value];

export function recallCommand(): Command {
  return new Command('recall')
    .description('ask a running server for the items of one user')
    .requiredOption('--user <id>', 'user to recall items for')
    .option('-n, --n <count>', "items wanted; without it the profile's default", wholeNumber(0, 0xffff_ffff))
    .option('--target <host:port>', `address of the server; without it that of \`mic up\`, or ${DEFAULT_ADDRESS}`)
    .option('--home <dir>', 'home in which `mic up` was started', DEFAULT_HOME)
    .option('--profile <name>', 'parameter set; without it the default one')
    .option('--release <id>', 'release that must answer; without it the current one')
    .option('--exclude <item>', 'item that must not be returned (repeatable)', collect, [])
    .option('--category <name>', 'only items of this category (repeatable)', collect, [])
    .option('--only <item>', 'only these items (repeatable)', collect, [])
    .option(
      '--seen <item>',
      'item that the user met, the newest first, beside what is stored (repeatable)',
      collect,
      [],
    )
    .option('--explain', 'say of each item why it is there, and what was left out')
    .option('--timeout-ms <ms>', 'deadline of the call', wholeNumber(1, 600_000), 1_000)
    .option('--json', 'print the RecallResponse as one line of proto3 JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ mic recall --user user-00042
  $ mic recall --user user-00042 -n 50 --category drama --json
  $ mic recall --user user-00042 --target 127.0.0.1:7070 --timeout-ms 50
  $ mic recall --user nobody --seen film-3 --seen film-9 --explain    # a user that the release does not know
Start a server with: mic up --home .mic, or mic serve --all-in-one --home .mic`,
    )
    .action(async (flags: RecallFlags) => {
      const response = await callRecall(flags.target ?? (await gatewayOf(flags.home)), flags.timeoutMs, {
        userId: flags.user,
        n: flags.n,
        profile: flags.profile ?? '',
        releaseId: flags.release ?? '',
        excludeItemIds: flags.exclude,
        categories: flags.category,
        onlyItemIds: flags.only,
        inlineHistory: flags.seen.map((itemId, age) => ({ itemId, timeMs: Date.now() - age, weight: 1 })),
        explain: flags.explain ?? false,
      });
      console.log(flags.json ? JSON.stringify(response) : printRecall(response));
    });
}
