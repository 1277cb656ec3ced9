import { appendFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openDataset } from '@mic/dataset';
import {
  saveModel,
  trainModel,
  type EpochReport,
  type ModelInfo,
  type Protocol,
  type TrainingConfig,
} from '@mic/training';
import { TrainingBar } from './training-bar';

export interface TrainRun {
  /** Dataset folder. */
  readonly data: string;
  /** Model folder to write. */
  readonly out: string;
  readonly config: TrainingConfig;
  readonly protocol: Protocol;
  /** First moment that the protocol `time` hides. */
  readonly cutMs?: number;
  readonly seed: number;
}

/** Trains on a dataset and writes the model folder, with a line of metrics.jsonl an epoch, under a progress bar. */
export async function runTrain({ data, out, ...options }: TrainRun): Promise<ModelInfo> {
  const dataset = await openDataset(data);
  const bar = new TrainingBar();
  try {
    await mkdir(out, { recursive: true });
    const metrics = join(out, 'metrics.jsonl');
    await rm(metrics, { force: true });
    const epochs: EpochReport[] = [];
    const model = await trainModel({
      dataset,
      ...options,
      onStep: (progress) => {
        bar.step(progress);
      },
      onEpoch: (report) => {
        bar.epoch(report);
        epochs.push(report);
      },
    });
    await saveModel(out, model);
    await appendFile(metrics, epochs.map((report) => `${JSON.stringify(report)}\n`).join(''));
    return model.info;
  } finally {
    bar.stop();
    await dataset.close();
  }
}
