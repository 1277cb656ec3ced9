import { writeFile } from 'node:fs/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { openDataset } from '@mic/dataset';
import { CUTS, MASKS, TEST_PROTOCOLS, type Mask, type TestProtocol } from '@mic/evaluation';
import { evaluateModels, HISTORY_MODES, type HistoryMode } from '@mic/model-evaluation';
import { defaultProfile } from '@mic/recall';
import { loadProfiles } from '@mic/recall-api';
import { buildConfigSchema } from '@mic/release-build';
import { openModel } from '@mic/training';
import { wholeNumber } from '../number-flags';
import { evaluationPage } from '../pictures/evaluation-page';
import { printEvaluation } from '../print-evaluation';
import { withProgress } from '../progress';

interface EvaluateFlags {
  model: string[];
  against?: string[];
  data: string;
  protocol: TestProtocol;
  mask: Mask;
  histories: HistoryMode;
  at: readonly number[];
  cases?: number;
  profiles?: string;
  json?: string;
  html?: string;
}

export function evaluateCommand(): Command {
  return new Command('evaluate')
    .description('measure a model on events that its training has not seen: each channel, the merged list, references')
    .requiredOption('--model <dir...>', 'model folder, from mic train with the same --protocol; several: their mean')
    .option('--against <dir...>', 'models to compare with, case by case, such as ones trained with --no-mic')
    .requiredOption('--data <dir>', 'dataset folder')
    .addOption(
      new Option(
        '--protocol <name>',
        "what is tested: every user's last event, everything from a moment on, or the newest fifth of unknown users",
      )
        .choices(TEST_PROTOCOLS)
        .default('leave-one-out'),
    )
    .addOption(
      new Option('--mask <which>', 'earlier items that no list may have: those that the tower reads, all, or none')
        .choices(MASKS)
        .default('all'),
    )
    .addOption(
      new Option('--histories <mode>', 'with --protocol time: as they were at the cut, or growing with every event')
        .choices(HISTORY_MODES)
        .default('frozen'),
    )
    .option('--at <k,...>', 'list lengths to measure', lengths, CUTS)
    .option('--cases <n>', 'test cases at most; more are sampled (default: what a few minutes allow)', wholeNumber(1))
    .option('--profiles <file>', 'rerank the merged list as the default profile of this file, such as one of mic tune')
    .option('--json <file>', 'write the report to a file as JSON')
    .option('--html <file>', 'write the report to a file as one self-contained page with plots')
    .addHelpText(
      'after',
      `
Examples:
  $ mic train --data .mic/datasets/toy --out .mic/runs/toy --protocol leave-one-out
  $ mic evaluate --model .mic/runs/toy --data .mic/datasets/toy --json report.json --html report.html
  $ mic evaluate --model runs/mic-1 runs/mic-2 --against runs/base-1 runs/base-2 --data .mic/datasets/toy
A case whose relevant item is masked counts as a miss for every list.`,
    )
    .action(
      async ({
        model: dirs,
        against = [],
        data,
        json,
        html,
        profiles: file,
        cases: mostCases,
        ...asked
      }: EvaluateFlags) => {
        const models = await Promise.all(dirs.map(openModel));
        const others = await Promise.all(against.map(openModel));
        const { rerank } = defaultProfile(await loadProfiles(file));
        const dataset = await openDataset(data);
        try {
          const lengths = buildConfigSchema.parse({});
          const evaluation = await withProgress('evaluate', (onProgress) =>
            evaluateModels({ models, against: others, dataset, mostCases, rerank, lengths, onProgress, ...asked }),
          );
          console.log(printEvaluation(evaluation));
          if (json !== undefined) await writeFile(json, `${JSON.stringify(evaluation, null, 2)}\n`);
          if (html !== undefined) await writeFile(html, await evaluationPage(evaluation));
        } finally {
          await dataset.close();
        }
      },
    );
}

function lengths(text: string): readonly number[] {
  const values = [...new Set(text.split(',').map(Number))].sort((a, b) => a - b);
  if (values.every((value) => Number.isInteger(value) && value >= 1 && value <= 1_000)) return values;
  throw new InvalidArgumentError('give whole numbers from 1 to 1000, e.g. 10,50,200');
}
