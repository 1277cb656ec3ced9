import type { Dataset } from '@mic/dataset';
import type { EncodedFields } from './batch-assembler';
import type { TrainedModel } from './trained-model';
import { Trainer, type StepProgress } from './trainer';
import type { TrainingConfig } from './training-config';
import { splitForTraining, type Protocol } from './training-data';
import { validate } from './validate';

export interface TrainModelOptions {
  readonly dataset: Dataset;
  readonly config: TrainingConfig;
  readonly protocol: Protocol;
  readonly seed: number;
  readonly onStep?: (progress: StepProgress) => void;
  readonly onEpoch?: (report: EpochReport) => void;
}

/** One line of a run's metrics. */
export interface EpochReport {
  readonly epoch: number;
  readonly epochs: number;
  readonly step: number;
  /** Mean loss over the epoch. */
  readonly loss: number;
  /** HR@10 and HR@50 on the validation events, 0 .. 1. */
  readonly validation: Readonly<Record<string, number>>;
  /** Since the start of training. */
  readonly seconds: number;
}

/**
 * Trains the pooled two-tower model on a dataset.
 *
 * @throws MicError FAILED_PRECONDITION when there are too few events, ABORTED when training diverges.
 */
export async function trainModel(options: TrainModelOptions): Promise<TrainedModel> {
  const { dataset, config, protocol, seed, onStep = () => undefined, onEpoch = () => undefined } = options;
  const started = performance.now();
  const { userIds, itemIds, histories } = await dataset.loadInteractions();
  const schema = await dataset.buildFeatureSchema();
  const fields = await loadEncodedFields(dataset, schema, userIds, itemIds);
  const data = splitForTraining(histories, protocol, config, seed);
  const trainer = new Trainer(data.histories, schema, fields, config, seed);
  let report: EpochReport | null = null;
  try {
    for (let epoch = 1; epoch <= trainer.epochs; epoch++) {
      const loss = await trainer.trainEpoch(epoch, onStep);
      const validation = await validate(data, trainer.weights(), fields);
      const seconds = (performance.now() - started) / 1000;
      report = { epoch, epochs: trainer.epochs, step: trainer.step, loss, validation, seconds };
      onEpoch(report);
    }
    return {
      info: {
        formatVersion: 1,
        encoder: 'pooled',
        dataset: dataset.info.name,
        protocol,
        seed,
        config,
        steps: trainer.step,
        epochs: trainer.epochs,
        finalLoss: report?.loss ?? 0,
        validation: { ...report?.validation },
        seconds: (performance.now() - started) / 1000,
        createdAt: new Date().toISOString(),
      },
      schema,
      userIds,
      itemIds,
      ...trainer.weights(),
    };
  } finally {
    await trainer.close();
  }
}

/** Encoded fields of the users and items given, in their order. */
export async function loadEncodedFields(
  dataset: Dataset,
  schema: TrainedModel['schema'],
  userIds: readonly string[],
  itemIds: readonly string[],
): Promise<EncodedFields> {
  const profiles = await dataset.loadUserProfiles(schema, userIds);
  const itemFields = await dataset.loadItemFields(schema, itemIds);
  return {
    profiles,
    profileWidth: profiles.length / userIds.length,
    itemFields,
    itemFieldsWidth: itemFields.length / itemIds.length,
  };
}
