import { writeFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { openDataset } from '@mic/dataset';
import { MASKS, type Mask } from '@mic/evaluation';
import { buildConfigSchema, evaluateModel } from '@mic/release-build';
import { openModel } from '@mic/training';
import { printMetrics } from '../print-quality';
import { withProgress } from '../progress';

interface EvaluateFlags {
  model: string;
  data: string;
  protocol: 'leave-one-out';
  mask: Mask;
  json?: string;
}

export function evaluateCommand(): Command {
  return new Command('evaluate')
    .description('measure a model on events that its training has not seen: each channel, the merged list, references')
    .requiredOption('--model <dir>', 'model folder, from mic train with the same --protocol')
    .requiredOption('--data <dir>', 'dataset folder')
    .addOption(
      new Option('--protocol <name>', "what is tested: every user's last event, all items ranked")
        .choices(['leave-one-out'])
        .default('leave-one-out'),
    )
    .addOption(
      new Option('--mask <which>', 'earlier items that no list may have: those that the tower reads, all, or none')
        .choices(MASKS)
        .default('all'),
    )
    .option('--json <file>', 'write the report to a file as JSON')
    .addHelpText(
      'after',
      `
Example:
  $ mic train --data .mic/datasets/toy --out .mic/runs/toy --protocol leave-one-out
  $ mic evaluate --model .mic/runs/toy --data .mic/datasets/toy --json report.json
A user who has a masked item as the last event counts as a miss for every list.`,
    )
    .action(async ({ model: dir, data, protocol, mask, json }: EvaluateFlags) => {
      const model = await openModel(dir);
      const dataset = await openDataset(data);
      try {
        const config = buildConfigSchema.parse({ evaluatedUsers: Number.MAX_SAFE_INTEGER });
        const quality = await withProgress('evaluate', (onProgress) =>
          evaluateModel({ model, dataset, protocol, mask, config, onProgress }),
        );
        const { encoder, seed } = model.info;
        const report = { ...quality, mask, encoder, seed, dataset: dataset.info.name };
        if (json !== undefined) await writeFile(json, `${JSON.stringify(report, null, 2)}\n`);
        console.log(`${encoder} on ${dataset.info.name}, ${protocol}, ${quality.users} users, mask ${mask}`);
        console.log(printMetrics(quality.metrics));
      } finally {
        await dataset.close();
      }
    });
}
