import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { openDataset } from '@mic/dataset';
import { tuneModel, type Tuning } from '@mic/model-evaluation';
import { profileSchema } from '@mic/recall';
import { buildConfigSchema } from '@mic/release-build';
import { openModel } from '@mic/training';
import { plainTable } from '../plain-table';
import { withProgress } from '../progress';

interface TuneFlags {
  model: string;
  data: string;
  out?: string;
  json?: string;
}

export function tuneCommand(): Command {
  return new Command('tune')
    .description("find rerank weights on a model's validation events: the paper's, the best of a grid, learned ones")
    .requiredOption('--model <dir>', 'model folder, trained with loop.validationShare above 0')
    .requiredOption('--data <dir>', 'dataset folder that it was trained on')
    .option('--out <file>', 'write the best weights as a profile file for mic serve and mic up')
    .option('--json <file>', 'write what was tried to a file as JSON')
    .addHelpText(
      'after',
      `
Example:
  $ mic train --data .mic/datasets/toy --out .mic/runs/tuning --protocol leave-one-out --set loop.validationShare=0.3
  $ mic tune --model .mic/runs/tuning --data .mic/datasets/toy --out profiles.json
Every way of finding weights sees one half of the events and is measured on the other: nothing that mic evaluate tests
is touched.`,
    )
    .action(async ({ model: dir, data, out, json }: TuneFlags) => {
      const model = await openModel(dir);
      const dataset = await openDataset(data);
      try {
        const tuning = await withProgress('tune', (onProgress) =>
          tuneModel({ model, dataset, lengths: buildConfigSchema.parse({}), onProgress }),
        );
        if (json !== undefined) await writeFile(json, `${JSON.stringify(tuning, null, 2)}\n`);
        if (out !== undefined) await writeFile(out, `${JSON.stringify(profileOf(tuning), null, 2)}\n`);
        console.log(printTuning(tuning));
        if (out !== undefined) console.log(`profile "tuned" in ${out}: mic serve --profiles ${out}`);
      } finally {
        await dataset.close();
      }
    });
}

/** A profile file with the serving defaults and the best weights. */
function profileOf({ tried }: Tuning): object {
  const weights = tried[0]!.weights;
  return { default: 'tuned', profiles: { tuned: profileSchema.parse({ rerank: { weights } }) } };
}

function printTuning({ encoder, dataset, cases, tried, variants }: Tuning): string {
  const cuts = ['HR@10', 'HR@50', 'HR@200'];
  const figures = (metrics: Readonly<Record<string, number>>): string[] => cuts.map((cut) => metrics[cut]!.toFixed(4));
  const weightsOf = (weights: object): string =>
    Object.entries(weights)
      .map(([term, weight]) => `${term} ${weight}`)
      .join(', ');
  return [
    `${encoder} on ${dataset}, ${cases} validation events`,
    plainTable(
      ['weights', ...cuts, ''],
      tried.map(({ name, metrics, weights }) => [name, ...figures(metrics), weightsOf(weights)]),
    ),
    '',
    plainTable(
      ['other lists', ...cuts],
      Object.entries(variants).map(([name, metrics]) => [name, ...figures(metrics)]),
    ),
  ].join('\n');
}
