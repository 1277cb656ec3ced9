import type { Dataset } from '@mic/dataset';
import { MicError } from '@mic/domain';
import type { TrainingConfig } from './config/training-config';
import type { EncodedFields } from './data/encoded-fields';
import { loadSplit, type Protocol } from './data/load-split';
import { holdOutForValidation } from './data/validation';
import { LossMean } from './loop/loss-mean';
import { Trainer } from './loop/trainer';
import { warmStart } from './loop/warm-start';
import { BestWeights } from './run/best-weights';
import type { Checkpoint } from './run/checkpoint';
import { progressSchema, type RunProgress } from './run/progress';
import type { TrainedModel } from './trained-model';
import { validate } from './validate';

export interface TrainModelOptions {
  readonly dataset: Dataset;
  readonly config: TrainingConfig;
  readonly protocol: Protocol;
  /** First moment that the protocol `time` holds out; the newest tenth of the events by default. */
  readonly cutMs?: number;
  readonly seed: number;
  /** A model whose rows and parameters training starts from. */
  readonly parent?: TrainedModel;
  /** What an interrupted run of the same data, configuration and seed left: training goes on from there. */
  readonly from?: Checkpoint | null;
  /** Called now and then with all that a run continues from; the arrays are valid until it resolves. */
  readonly onCheckpoint?: (checkpoint: Checkpoint) => Promise<void>;
  readonly onStep?: (progress: TrainingProgress) => void | Promise<void>;
  readonly onEpoch?: (report: EpochReport) => void | Promise<void>;
}

/** How far a run is. */
export interface TrainingProgress {
  readonly step: number;
  readonly steps: number;
  /** Mean weighted losses by name over the steps since the last report. */
  readonly losses: Readonly<Record<string, number>>;
  /** Since the start of training, interruptions not counted. */
  readonly seconds: number;
}

/** What an epoch did. */
export interface EpochReport {
  readonly epoch: number;
  readonly epochs: number;
  readonly step: number;
  /** Mean of the whole loss over the epoch, and of its parts. */
  readonly loss: number;
  readonly losses: Readonly<Record<string, number>>;
  /** HR@k and NDCG@k on the validation events, 0 .. 1; empty where the epoch was not validated. */
  readonly validation: Readonly<Record<string, number>>;
  /** Since the start of training, interruptions not counted. */
  readonly seconds: number;
}

/** Steps between two progress reports. */
const REPORT_EVERY = 10;
/** Checkpoints may take one second of so many. */
const CHECKPOINT_SHARE = 20;

/**
 * Trains a model on a dataset.
 *
 * @throws MicError FAILED_PRECONDITION when there are too few events, ABORTED when training diverges.
 */
export async function trainModel(options: TrainModelOptions): Promise<TrainedModel> {
  const { dataset, config, protocol, seed, onStep = () => undefined, onEpoch = () => undefined } = options;
  const split = await loadSplit(dataset, { protocol, cutMs: options.cutMs ?? null, ...config.data });
  const { userIds, itemIds, cutMs, seenSha256 } = split;
  const schema = await dataset.buildFeatureSchema();
  const fields = await loadEncodedFields(dataset, schema, userIds, itemIds);
  const data = holdOutForValidation(split.train, config.loop.validationShare, seed);
  const trainer = new Trainer(data.histories, schema, fields, config, seed);
  if (options.parent) warmStart(trainer, options.parent, { userIds, itemIds, schema });
  const progress = openProgress(trainer, config, seenSha256, options.from ?? null);
  const { best, mean } = progress;
  const checkpoints = new CheckpointClock(config.loop.checkpointSeconds);
  try {
    for (let epoch = progress.epochs; epoch < trainer.epochs; epoch++) {
      const recent = new LossMean();
      await trainer.trainEpoch(epoch, async ({ step, losses }) => {
        mean.add(losses);
        recent.add(losses);
        if (step % REPORT_EVERY === 0 || step === trainer.steps) {
          await onStep({ step, steps: trainer.steps, losses: recent.take(), seconds: progress.seconds() });
        }
        if (options.onCheckpoint && checkpoints.isDue()) {
          await checkpoints.time(() => options.onCheckpoint!(checkpointOf(trainer, progress, epoch)));
        }
      });
      const losses = mean.take();
      const last = epoch + 1 === trainer.epochs;
      const due = last || (epoch + 1) % config.loop.validateEvery === 0;
      const weights = due ? await trainer.weights() : null;
      const report: EpochReport = {
        epoch: epoch + 1,
        epochs: trainer.epochs,
        step: trainer.step,
        loss: Object.values(losses).reduce((sum, loss) => sum + loss, 0),
        losses,
        validation: weights ? await validate(data, weights, fields) : {},
        seconds: progress.seconds(),
      };
      progress.loss = report.loss;
      await onEpoch(report);
      if (weights && best.offer(weights, report.validation)) break;
    }
    const { weights, validation } = best.chosen();
    return {
      info: {
        formatVersion: 3,
        encoder: config.encoder,
        dataset: dataset.info.name,
        protocol,
        cutMs,
        seenSha256,
        seed,
        config: trainer.config,
        steps: trainer.step,
        epochs: trainer.epochs,
        finalLoss: progress.loss,
        validation: { ...validation },
        seconds: progress.seconds(),
        createdAt: new Date().toISOString(),
      },
      schema,
      userIds,
      itemIds,
      ...weights,
    };
  } finally {
    await trainer.close();
  }
}

/** A run's state beside the trainer's. */
interface Progress {
  readonly seenSha256: string;
  /** Epochs that are over. */
  readonly epochs: number;
  /** Loss of the last epoch that is over. */
  loss: number;
  readonly mean: LossMean;
  readonly best: BestWeights;
  readonly seconds: () => number;
}

function openProgress(
  trainer: Trainer,
  { loop }: TrainingConfig,
  seenSha256: string,
  from: Checkpoint | null,
): Progress {
  const started = performance.now();
  const best = new BestWeights(loop.patience);
  const mean = new LossMean();
  let before: RunProgress = { seenSha256, epochs: 0, seconds: 0, loss: 0, losses: { sums: {}, count: 0 }, best: null };
  if (from) {
    before = progressSchema.parse(from.rest);
    if (before.seenSha256 !== seenSha256) {
      throw new MicError('FAILED_PRECONDITION', 'the checkpoint is of another run: it was trained on other events', {
        subject: 'data',
        remedy: 'go on with the dataset as it was when the run was started, or begin again with --restart',
      });
    }
    trainer.restore(from);
    mean.restore(before.losses);
    if (before.best) best.restore(before.best, from);
  }
  const seconds = (): number => before.seconds + (performance.now() - started) / 1000;
  return { seenSha256, epochs: before.epochs, loss: before.loss, mean, best, seconds };
}

function checkpointOf(
  trainer: Trainer,
  { seenSha256, loss, mean, best, seconds }: Progress,
  epochs: number,
): Checkpoint {
  const kept = best.state();
  const rest: RunProgress = {
    seenSha256,
    epochs,
    seconds: seconds(),
    loss,
    losses: mean.state(),
    best: kept?.rest ?? null,
  };
  const { arrays, bytes } = trainer.snapshot();
  return { step: trainer.step, arrays: { ...arrays, ...kept?.arrays }, bytes: { ...bytes, ...kept?.bytes }, rest };
}

/** When the next checkpoint is due: at fixed intervals, more rarely where writing one takes long. */
class CheckpointClock {
  readonly #everyMs: number;
  #dueAt: number;

  constructor(seconds: number) {
    this.#everyMs = seconds * 1000;
    this.#dueAt = performance.now() + this.#everyMs;
  }

  isDue(): boolean {
    return performance.now() >= this.#dueAt;
  }

  async time(write: () => Promise<void>): Promise<void> {
    const started = performance.now();
    await write();
    const ended = performance.now();
    this.#dueAt = ended + (this.#everyMs === 0 ? 0 : Math.max(this.#everyMs, CHECKPOINT_SHARE * (ended - started)));
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
