import type { Dataset } from '@mic/dataset';
import type { TrainingConfig } from './config/training-config';
import type { EncodedFields } from './data/encoded-fields';
import { loadSplit, type Protocol } from './data/load-split';
import { holdOutForValidation } from './data/validation';
import { Trainer, type TrainedWeights } from './loop/trainer';
import type { TrainedModel } from './trained-model';
import { validate } from './validate';

export interface TrainModelOptions {
  readonly dataset: Dataset;
  readonly config: TrainingConfig;
  readonly protocol: Protocol;
  /** First moment that the protocol `time` holds out; the newest tenth of the events by default. */
  readonly cutMs?: number;
  readonly seed: number;
  readonly onStep?: (progress: TrainingProgress) => void;
  readonly onEpoch?: (report: EpochReport) => void;
}

/** How far a run is. */
export interface TrainingProgress {
  readonly step: number;
  readonly steps: number;
  /** Mean weighted losses by name over the steps since the last report. */
  readonly losses: Readonly<Record<string, number>>;
}

/** One line of a run's metrics. */
export interface EpochReport {
  readonly epoch: number;
  readonly epochs: number;
  readonly step: number;
  /** Mean of the whole loss over the epoch, and of its parts. */
  readonly loss: number;
  readonly losses: Readonly<Record<string, number>>;
  /** HR@k and NDCG@k on the validation events, 0 .. 1; empty where the epoch was not validated. */
  readonly validation: Readonly<Record<string, number>>;
  /** Since the start of training. */
  readonly seconds: number;
}

/** Steps between two progress reports. */
const REPORT_EVERY = 10;

/**
 * Trains a model on a dataset.
 *
 * @throws MicError FAILED_PRECONDITION when there are too few events, ABORTED when training diverges.
 */
export async function trainModel(options: TrainModelOptions): Promise<TrainedModel> {
  const { dataset, config, protocol, seed, onStep = () => undefined, onEpoch = () => undefined } = options;
  const started = performance.now();
  const split = await loadSplit(dataset, { protocol, cutMs: options.cutMs ?? null, ...config.data });
  const { userIds, itemIds, cutMs, seenSha256 } = split;
  const schema = await dataset.buildFeatureSchema();
  const fields = await loadEncodedFields(dataset, schema, userIds, itemIds);
  const data = holdOutForValidation(split.train, config.loop.validationShare, seed);
  const trainer = new Trainer(data.histories, schema, fields, config, seed);
  let report: EpochReport | null = null;
  const best = new BestWeights(config.loop.patience);
  try {
    for (let epoch = 0; epoch < trainer.epochs; epoch++) {
      const mean = new LossMean();
      const recent = new LossMean();
      await trainer.trainEpoch(epoch, ({ step, losses }) => {
        mean.add(losses);
        recent.add(losses);
        if (step % REPORT_EVERY !== 0 && step !== trainer.steps) return;
        onStep({ step, steps: trainer.steps, losses: recent.take() });
      });
      const losses = mean.take();
      const last = epoch + 1 === trainer.epochs;
      const due = last || (epoch + 1) % config.loop.validateEvery === 0;
      const weights = due ? await trainer.weights() : null;
      report = {
        epoch: epoch + 1,
        epochs: trainer.epochs,
        step: trainer.step,
        loss: Object.values(losses).reduce((sum, loss) => sum + loss, 0),
        losses,
        validation: weights ? await validate(data, weights, fields) : {},
        seconds: (performance.now() - started) / 1000,
      };
      onEpoch(report);
      if (weights && best.offer(weights, report)) break;
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
        config,
        steps: trainer.step,
        epochs: trainer.epochs,
        finalLoss: report?.loss ?? 0,
        validation,
        seconds: (performance.now() - started) / 1000,
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

/** What a run keeps: the last weights, or with a patience the best on the validation events. */
class BestWeights {
  readonly #patience: number;
  #best: { readonly weights: TrainedWeights; readonly validation: Record<string, number> } | null = null;
  #worse = 0;

  constructor(patience: number) {
    this.#patience = patience;
  }

  /** True when the patience has run out. */
  offer(weights: TrainedWeights, { validation }: EpochReport): boolean {
    const value = validation[DECIDES];
    const known = this.#best?.validation[DECIDES];
    const isBetter = value === undefined || known === undefined || value > known;
    if (this.#patience === 0 || isBetter) {
      this.#best = { weights, validation: { ...validation } };
      this.#worse = 0;
      return false;
    }
    return ++this.#worse >= this.#patience;
  }

  chosen(): { readonly weights: TrainedWeights; readonly validation: Record<string, number> } {
    if (!this.#best) throw new Error('no epoch was trained');
    return this.#best;
  }
}

/** The validation figure that early stopping goes by. */
const DECIDES = 'NDCG@10';

/** Means of losses by name. */
class LossMean {
  #sums: Record<string, number> = {};
  #count = 0;

  add(losses: Readonly<Record<string, number>>): void {
    for (const [name, loss] of Object.entries(losses)) this.#sums[name] = (this.#sums[name] ?? 0) + loss;
    this.#count++;
  }

  /** The means; begins again. */
  take(): Record<string, number> {
    const means = Object.entries(this.#sums).map(([name, sum]) => [name, sum / this.#count] as const);
    this.#sums = {};
    this.#count = 0;
    return Object.fromEntries(means);
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
