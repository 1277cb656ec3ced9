import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { DEFAULT_HOME, homeAt } from '../home';
import { printQuality } from '../print-quality';
import { runBuild } from '../run-build';

export function buildCommand(): Command {
  return new Command('build')
    .description('build a release: vectors, neighbour lists, index, quality')
    .requiredOption('--model <dir>', 'model folder, from mic train')
    .requiredOption('--data <dir>', 'dataset folder')
    .option('--home <dir>', 'home of the installation', DEFAULT_HOME)
    .option('--json <file>', 'write the manifest to a file as JSON')
    .addHelpText(
      'after',
      `
Example:
  $ mic build --model .mic/runs/toy --data .mic/datasets/toy --home .mic
Quality is measured on what the model has not seen: train with --protocol leave-one-out to have figures.`,
    )
    .action(async (options: { model: string; data: string; home: string; json?: string }) => {
      const manifest = await runBuild(options.model, options.data, homeAt(options.home));
      if (options.json) await writeFile(options.json, `${JSON.stringify(manifest)}\n`);
      console.log(printQuality(manifest));
      console.log(`release ${manifest.id}: mic publish --home ${options.home} --release ${manifest.id}`);
    });
}
