import { Command } from 'commander';
import { openDataset } from '@mic/dataset';
import { openStore } from '@mic/open-store';
import { DEFAULT_HOME, homeAt, storeOf } from '../home';
import { importHistory } from '../import-history';
import { withProgress } from '../progress';
import { STORE_OPTION } from '../store-option';

export function historyCommand(): Command {
  const history = new Command('history').description('the live history of users in the store');
  history
    .command('import')
    .description("fill the store with a dataset's events")
    .requiredOption('--data <dir>', 'dataset folder')
    .option('--home <dir>', 'home of the installation', DEFAULT_HOME)
    .addOption(STORE_OPTION())
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `
Example:
  $ mic history import --data .mic/datasets/toy --home .mic
Importing again changes nothing: an event is known by its user, item and time. A history keeps the newest events.`,
    )
    .action(async (options: { data: string; home: string; store?: string; json?: boolean }) => {
      const dataset = await openDataset(options.data);
      const store = await openStore({ store: storeOf(homeAt(options.home), options.store) });
      try {
        const result = await withProgress('import history', (onProgress) => importHistory(dataset, store, onProgress));
        if (options.json) console.log(JSON.stringify(result));
        else {
          console.log(
            `${result.accepted} events are in the store now; ${result.duplicates} were there already, ` +
              `${result.tooOld} are older than the full history of their user`,
          );
        }
      } finally {
        await store.close();
        await dataset.close();
      }
    });
  return history;
}
