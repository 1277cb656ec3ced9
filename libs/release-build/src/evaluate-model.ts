import { MicError } from '@mic/domain';
import type { Dataset } from '@mic/dataset';
import { itemPopularity, leaveOneOut, type Mask, type RankingMetrics } from '@mic/evaluation';
import type { Quality } from '@mic/release';
import { loadEncodedFields, type Protocol, type TrainedModel } from '@mic/training';
import { alignHistories } from './align-histories';
import type { BuildConfig } from './build-config';
import { encodeWorld } from './encoded-world';
import { measureQuality } from './measure-quality';
import { tunedReferences, type References } from './references';

export interface EvaluateModelOptions {
  readonly model: TrainedModel;
  readonly dataset: Dataset;
  readonly protocol: Exclude<Protocol, 'none'>;
  readonly mask: Mask;
  readonly config: BuildConfig;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Quality with the settings of the references; a list that could not be computed is null, its reason beside it. */
export interface Evaluation extends Omit<Quality, 'metrics'> {
  readonly metrics: Readonly<Record<string, RankingMetrics | null>>;
  readonly references: References['settings'];
}

/**
 * Measures a model on what a protocol holds out.
 *
 * @throws MicError FAILED_PRECONDITION when the model has seen what the protocol tests.
 */
export async function evaluateModel(options: EvaluateModelOptions): Promise<Evaluation> {
  const { model, dataset, protocol, mask, config, onProgress } = options;
  if (model.info.protocol !== protocol) {
    throw new MicError(
      'FAILED_PRECONDITION',
      `the model was trained with --protocol ${model.info.protocol}: it has seen what ${protocol} tests`,
      { subject: 'protocol', remedy: `train one with \`mic train --protocol ${protocol}\`` },
    );
  }
  const histories = alignHistories(await dataset.loadInteractions(), model);
  const fields = await loadEncodedFields(dataset, model.schema, model.userIds, model.itemIds);
  const { names, categories } = await dataset.loadItemCategories(model.schema, model.itemIds);
  const popularity = itemPopularity(histories);
  const facts = { itemIds: model.itemIds, categories, categoryNames: names, popularity };
  const held = leaveOneOut(histories);
  const world = await encodeWorld(model, fields, held.train, config);
  const window = model.signature.longestHistory;
  const { seed } = model.info;
  let settings: References['settings'] = {};
  const quality = await measureQuality({
    world,
    held,
    facts,
    mostUsers: config.evaluatedUsers,
    mask,
    window,
    seed,
    references: async (train, k, masked) => {
      const references = await tunedReferences(train, k, masked, seed);
      settings = references.settings;
      return references;
    },
    onProgress,
  });
  return { ...quality, metrics: { ease: null, ...quality.metrics }, references: settings };
}
