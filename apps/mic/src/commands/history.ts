import { Command } from 'commander';
import { openDataset } from '@mic/dataset';
import { openStore } from '@mic/open-store';
import { DEFAULT_HOME, homeAt, storeOf } from '../home';
import { importHistory } from '../import-history';
import { withProgress } from '../progress';
import { HISTORY_CAP_OPTION, HISTORY_TTL_OPTION, storeOptionsOf, type StoreLimits } from '../store-limits';
import { STORE_OPTION } from '../store-option';

interface HistoryFlags {
  home: string;
  store?: string;
  json?: boolean;
}

export function historyCommand(): Command {
  return new Command('history')
    .description('the live history of users in the store')
    .addCommand(importCommand())
    .addCommand(expireCommand());
}

function importCommand(): Command {
  return new Command('import')
    .description("fill the store with a dataset's events")
    .requiredOption('--data <dir>', 'dataset folder')
    .option('--home <dir>', 'home of the installation', DEFAULT_HOME)
    .addOption(STORE_OPTION())
    .addOption(HISTORY_CAP_OPTION())
    .addOption(HISTORY_TTL_OPTION())
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ mic history import --data .mic/datasets/toy --home .mic
  $ mic history import --data .mic/datasets/toy --home .mic --history-ttl-seconds 7776000    # nothing older than 90 days
Importing again changes nothing: an event is known by its user, item and time. A history keeps the newest events, and
live events that are there already stay. Give the cap and the time to live that the services have: a lower cap cuts histories.`,
    )
    .action(async (flags: HistoryFlags & StoreLimits & { data: string }) => {
      const dataset = await openDataset(flags.data);
      const store = await openStore({ store: storeOf(homeAt(flags.home), flags.store), ...storeOptionsOf(flags) });
      try {
        const result = await withProgress(
          'import history',
          (onProgress) => importHistory(dataset, store, onProgress, flags.historyCap),
          'events',
        );
        if (flags.json) console.log(JSON.stringify(result));
        else {
          console.log(
            `${result.accepted} events are in the store now; ${result.duplicates} were there already, ` +
              `${result.tooOld} are too old for the history of their user`,
          );
        }
      } finally {
        await store.close();
        await dataset.close();
      }
    });
}

function expireCommand(): Command {
  return new Command('expire')
    .description('take away events that are older than the time to live, and users that have no others')
    .option('--home <dir>', 'home of the installation', DEFAULT_HOME)
    .addOption(STORE_OPTION())
    .addOption(HISTORY_TTL_OPTION().makeOptionMandatory())
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `
Example:
  $ mic history expire --home .mic --history-ttl-seconds 7776000
Reads never show such events. An LMDB store that is served with a time to live clears itself every 10 minutes; in Redis a
history goes by itself when its newest event is too old. This is for histories from before there was a time to live, or a
longer one. Services and imports may run meanwhile.`,
    )
    .action(async (flags: HistoryFlags & StoreLimits) => {
      const store = await openStore({ store: storeOf(homeAt(flags.home), flags.store), ...storeOptionsOf(flags) });
      try {
        const report = await store.expireHistories();
        if (flags.json) console.log(JSON.stringify(report));
        else {
          console.log(
            `${report.eventsRemoved} events were too old, ${report.usersRemoved} of ${report.users} users had no others`,
          );
        }
      } finally {
        await store.close();
      }
    });
}
