import {
  divided,
  minMax,
  shareOfLargest,
  zScore,
  type BasicScale,
  type DiversityScale,
  type RepetitionScale,
} from './normalise';

/** Candidates of one request, column by column; position i of each array is candidate i. */
export interface RerankCandidates {
  /** Similarity of user and item. */
  readonly basic: Float32Array;
  /** Weights of the channels that recalled the item, summed up; their number where each has the weight 1. */
  readonly channelWeights: Float32Array;
  /** Category of the item; 0, "none", is a category like any other. */
  readonly categories: Uint32Array;
  /** What similar users say for the item, and what recent items do: 0 or more, 0 where they say nothing (ours). */
  readonly similarUsers: Float32Array;
  readonly similarItems: Float32Array;
  /** Decides between equal scores, lower first; the item rows of a release. */
  readonly tieBreakers: Uint32Array;
}

/** What each term of the score counts. */
export interface RerankWeights {
  readonly basic: number;
  readonly repetition: number;
  readonly diversity: number;
  readonly similarUsers: number;
  readonly similarItems: number;
}

export interface RerankOptions {
  readonly weights: RerankWeights;
  readonly scales: {
    readonly basic: BasicScale;
    readonly repetition: RepetitionScale;
    readonly diversity: DiversityScale;
  };
  /** Weights of all channels that could have recalled an item: what `unit` divides the repetition by. */
  readonly totalWeight: number;
}

/**
 * The weights found by the paper's grid search (MIC, CIKM 2022), and of the scales those that did best on held-out events
 * (docs/experiments.md): similarity as z-score, repetition as share of the channels, diversity as fraction.
 */
export const DEFAULT_RERANK: RerankOptions = {
  weights: { basic: 1, repetition: 0.5, diversity: 0.2, similarUsers: 0, similarItems: 0 },
  scales: { basic: 'zscore', repetition: 'unit', diversity: 'fraction' },
  totalWeight: 3,
};

/** Score of every candidate, and its terms before their weights. */
export interface RerankScores {
  readonly score: Float32Array;
  readonly basic: Float32Array;
  readonly repetition: Float32Array;
  readonly diversity: Float32Array;
  readonly similarUsers: Float32Array;
  readonly similarItems: Float32Array;
}

/**
 * score = w_basic * basic + w_repetition * repetition + w_diversity * diversity (MIC, section on reranking), where
 * repetition is the number of channels that recalled the item (ours: each may have another weight), and diversity the number of other candidates of another
 * category. Two terms are ours: the evidence of similar users and of similar items, as shares of the strongest of the
 * request.
 *
 * @throws RangeError when the columns differ in length or a similarity is not finite.
 */
export function scoreCandidates(candidates: RerankCandidates, options: RerankOptions = DEFAULT_RERANK): RerankScores {
  const { weights, scales, totalWeight } = options;
  const { basic: similarity, channelWeights, categories } = candidates;
  const n = similarity.length;
  if (Object.values(candidates).some((column: ArrayLike<number>) => column.length !== n)) {
    throw new RangeError(`the columns of ${n} candidates differ in length`);
  }
  for (const value of similarity) {
    if (!Number.isFinite(value)) throw new RangeError(`a candidate has the similarity ${value}`);
  }
  const basic = { raw: () => similarity.slice(), unit: () => minMax(similarity), zscore: () => zScore(similarity) }[
    scales.basic
  ]();
  const repetition = {
    raw: () => channelWeights,
    unit: () => divided(channelWeights, totalWeight),
    zscore: () => zScore(channelWeights),
  }[scales.repetition]();
  const others = othersOfAnotherCategory(categories);
  const diversity = {
    raw: () => others,
    fraction: () => divided(others, Math.max(1, n - 1)),
    zscore: () => zScore(others),
  }[scales.diversity]();
  const similarUsers = shareOfLargest(candidates.similarUsers);
  const similarItems = shareOfLargest(candidates.similarItems);
  const score = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    score[i] =
      weights.basic * basic[i]! +
      weights.repetition * repetition[i]! +
      weights.diversity * diversity[i]! +
      weights.similarUsers * similarUsers[i]! +
      weights.similarItems * similarItems[i]!;
  }
  return { score, basic, repetition, diversity, similarUsers, similarItems };
}

/** Categories are numbered from 0 up: counted in an array where that is not far larger than the candidates are many. */
const MOST_COUNTED = 1 << 16;

function othersOfAnotherCategory(categories: Uint32Array): Float32Array {
  let largest = 0;
  for (const category of categories) if (category > largest) largest = category;
  const others = new Float32Array(categories.length);
  if (largest < MOST_COUNTED) {
    const sizes = new Uint32Array(largest + 1);
    for (const category of categories) sizes[category]!++;
    for (let i = 0; i < others.length; i++) others[i] = categories.length - sizes[categories[i]!]!;
    return others;
  }
  const sizes = new Map<number, number>();
  for (const category of categories) sizes.set(category, (sizes.get(category) ?? 0) + 1);
  for (let i = 0; i < others.length; i++) others[i] = categories.length - sizes.get(categories[i]!)!;
  return others;
}
