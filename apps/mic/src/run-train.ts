import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openDataset } from '@mic/dataset';
import { MicError } from '@mic/domain';
import { openModel, RunFolder, saveModel, trainModel, type ModelInfo, type RunPlan } from '@mic/training';
import { drawLossCurves } from './pictures/loss-curves';
import { TrainingBar } from './training-bar';

export interface TrainRun {
  /** Dataset folder. */
  readonly data: string;
  /** Begins or opens the run; called when the dataset is open, so that a wrong one leaves nothing behind. */
  readonly begin: () => Promise<RunFolder>;
  /** Goes on from the run's newest checkpoint, if it has one. */
  readonly resume?: boolean;
}

/** Trains on a dataset and writes the model into the run's folder, its metrics and checkpoints on the way. */
export async function runTrain({ data, begin, resume = false }: TrainRun): Promise<ModelInfo> {
  const dataset = await openDataset(data);
  const bar = new TrainingBar();
  try {
    const run = await begin();
    const { config, protocol, cutMs, seed, parent } = run.plan;
    const from = resume ? await run.continueFrom() : null;
    if (resume) console.error(from ? `going on after step ${from.step}` : 'there is no checkpoint yet: from the start');
    const model = await trainModel({
      dataset,
      config,
      protocol,
      cutMs: cutMs ?? undefined,
      seed,
      parent: parent === null ? undefined : await openModel(parent),
      from,
      onCheckpoint: (checkpoint) => run.save(checkpoint),
      onStep: async (progress) => {
        bar.step(progress);
        await run.log({ kind: 'steps', ...progress });
      },
      onEpoch: async (report) => {
        bar.epoch(report);
        await run.log({ kind: 'epoch', ...report });
        await writeFile(join(run.dir, 'loss.svg'), await drawLossCurves(await run.metrics()));
      },
    });
    await saveModel(run.dir, model);
    await run.finish();
    return model.info;
  } finally {
    bar.stop();
    await dataset.close();
  }
}

/** A run as it is planned, before any of it is written. */
export type NewRun = Omit<RunPlan, 'formatVersion' | 'cutMs' | 'parent' | 'finished'> & {
  readonly cutMs?: number;
  readonly parent?: string;
};

/** Begins a run in a folder. */
export function createRun(out: string, { cutMs, parent, ...plan }: NewRun, restart = false): Promise<RunFolder> {
  if (cutMs !== undefined && plan.protocol !== 'time') {
    throw new MicError('INVALID_ARGUMENT', `--cut has no meaning under --protocol ${plan.protocol}`, {
      subject: 'cut',
      remedy: 'leave it out, or use --protocol time',
    });
  }
  const started = { formatVersion: 1, cutMs: cutMs ?? null, parent: parent ?? null, finished: false } as const;
  return RunFolder.create(out, { ...started, ...plan }, { restart });
}
