import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { DEFAULT_HOME, homeAt, storeOf } from '../home';
import { wholeNumber } from '../number-flags';
import { runPublish } from '../run-publish';
import { STORE_OPTION } from '../store-option';

interface PublishFlags {
  release: string;
  home: string;
  store?: string;
  keep: number;
  despiteGate?: boolean;
  json?: string | true;
}

export function publishCommand(): Command {
  return new Command('publish')
    .description('load the lists of a release into the store, then point the store at it')
    .requiredOption('--release <id>', 'release to publish, as printed by mic build')
    .option('--home <dir>', 'home of the installation', DEFAULT_HOME)
    .addOption(STORE_OPTION())
    .option('--keep <n>', 'releases that stay in the store, the new one among them', wholeNumber(2), 3)
    .option('--despite-gate', 'publish a release that did not pass its quality gate')
    .option('--json [file]', 'write pointer, stages and memory as JSON to a file, or as one line to the terminal')
    .addHelpText(
      'after',
      `
Examples:
  $ mic publish --home .mic --release r20260131120000-1a2b3c4d
  $ mic publish --home .mic --release r20260131120000-1a2b3c4d --store redis://127.0.0.1:6379
The release is verified first. A publish that was interrupted goes on when it is started again; publishing the same release
twice changes nothing. One publisher at a time: others wait, and are refused after 16 s.
Back to the one before: mic rollback`,
    )
    .action(async (flags: PublishFlags) => {
      const home = homeAt(flags.home);
      const { release: releaseId, keep, despiteGate, json } = flags;
      const started = performance.now();
      const published = await runPublish({ home, releaseId, store: storeOf(home, flags.store), keep, despiteGate });
      const { pointer, memory, removed, liveItemsForgotten } = published;
      const report = JSON.stringify({ ...pointer, ...published, seconds: (performance.now() - started) / 1000 });
      if (json === true) console.log(report);
      else if (json !== undefined) await writeFile(json, `${report}\n`);
      if (json === true) return;
      for (const id of removed) console.log(`removed from the store: ${id}`);
      if (liveItemsForgotten > 0) console.log(`live items that the releases know now: ${liveItemsForgotten}`);
      const [predicted, added] = [memory.predictedBytes, memory.addedBytes].map((bytes) =>
        (bytes / 2 ** 20).toFixed(1),
      );
      console.log(`memory of the store: ${predicted} MiB predicted, ${added} MiB added`);
      console.log(`the store now serves release ${pointer.releaseId}`);
    });
}
