import { MicError } from '@mic/domain';
import type { Dataset } from '@mic/dataset';
import { GrowingHistories, itemPopularity } from '@mic/evaluation';
import { holdOutForValidation, loadEncodedFields, loadSplit, type TrainedModel } from '@mic/training';
import type { RankedRecall } from '@mic/recall';
import { encodeWorld, type ListLengths } from './encoded-world';
import { MERGE_VARIANTS } from './merge-variants';
import { OfflineRecall } from './offline-recall';
import { TERMS, tuneRerank, type TriedWeights, type TuningCase } from './tune-rerank';

export interface TuneOptions {
  readonly model: TrainedModel;
  readonly dataset: Dataset;
  readonly lengths: ListLengths;
  readonly onProgress?: (done: number, total: number) => void;
}

/** What was tried on a model's validation events. */
export interface Tuning {
  readonly dataset: string;
  readonly encoder: string;
  readonly cases: number;
  /** Weights, the best first. */
  readonly tried: readonly TriedWeights[];
  /** Lists that no weights make: each channel alone, merges by place. Hit rates by `HR@50` and so on. */
  readonly variants: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

const CUTS = [10, 50, 200] as const;
const LENGTH = Math.max(...CUTS);

/**
 * Finds rerank weights on the events that a model's training held out for validation: never on what a protocol tests.
 *
 * @throws MicError FAILED_PRECONDITION when the model held nothing out, or was trained on other data.
 */
export async function tuneModel({
  model,
  dataset,
  lengths,
  onProgress = () => undefined,
}: TuneOptions): Promise<Tuning> {
  const { info, signature } = model;
  const { protocol, cutMs, config, seed } = info;
  const split = await loadSplit(dataset, { protocol, cutMs, ...config.data });
  if (split.seenSha256 !== info.seenSha256) {
    throw new MicError('FAILED_PRECONDITION', 'the model was trained on other data than this dataset', {
      subject: 'data',
      remedy: 'give the dataset that it was trained on, as it was then',
    });
  }
  const { histories, validationUsers, validationItems } = holdOutForValidation(
    split.train,
    config.loop.validationShare,
    seed,
  );
  if (validationUsers.length === 0) {
    throw new MicError('FAILED_PRECONDITION', 'the model was trained on every event that it could see', {
      subject: 'model',
      remedy: 'train one that keeps some back: mic train --set loop.validationShare=0.3',
    });
  }
  const fields = await loadEncodedFields(dataset, model.schema, split.userIds, split.itemIds);
  const { names, categories } = await dataset.loadItemCategories(model.schema, split.itemIds);
  const popularity = itemPopularity(histories);
  const world = await encodeWorld({ model, fields, histories, lengths });
  const recall = await OfflineRecall.open({
    world,
    histories: new GrowingHistories(histories),
    facts: { itemIds: split.itemIds, categories, categoryNames: names, popularity },
    length: LENGTH,
    mask: 'all',
    window: signature.longestHistory,
  });
  const cases: TuningCase[] = [];
  const hits = new Map<string, number[]>();
  try {
    for (const [i, user] of validationUsers.entries()) {
      const item = validationItems[i]!;
      const ranked = await recall.rank(user);
      cases.push(caseOf(ranked, item));
      for (const [name, list] of Object.entries(variantsOf(ranked))) {
        const place = list.indexOf(item);
        const counts = hits.get(name) ?? CUTS.map(() => 0);
        hits.set(
          name,
          counts.map((count, c) => count + Number(place >= 0 && place < CUTS[c]!)),
        );
      }
      onProgress(i + 1, validationUsers.length);
    }
  } finally {
    await recall.close();
  }
  const rates = (counts: readonly number[]): Record<string, number> =>
    Object.fromEntries(CUTS.map((cut, c) => [`HR@${cut}`, counts[c]! / cases.length]));
  return {
    dataset: dataset.info.name,
    encoder: info.encoder,
    cases: cases.length,
    tried: tuneRerank(cases, seed),
    variants: Object.fromEntries([...hits].map(([name, counts]) => [name, rates(counts)])),
  };
}

function caseOf({ merged, scores }: RankedRecall, item: number): TuningCase {
  const columns = TERMS.map((term) => scores[term]);
  const terms = Float32Array.from({ length: merged.rows.length * TERMS.length }, (_, at) => {
    return columns[at % TERMS.length]![Math.floor(at / TERMS.length)]!;
  });
  return { terms, right: merged.rows.indexOf(item) };
}

function variantsOf({ lists, merged }: RankedRecall): Record<string, Uint32Array> {
  const bySimilarity = Array.from(merged.similarities.keys()).sort(
    (a, b) => merged.similarities[b]! - merged.similarities[a]! || merged.rows[a]! - merged.rows[b]!,
  );
  return {
    ...Object.fromEntries(lists.map(({ channel, candidates }) => [`${channel} alone`, candidates.rows])),
    'similarity of the channel that found it': Uint32Array.from(bySimilarity, (i) => merged.rows[i]!).slice(0, LENGTH),
    ...Object.fromEntries(Object.entries(MERGE_VARIANTS).map(([name, merge]) => [name, merge(lists, LENGTH)])),
  };
}
