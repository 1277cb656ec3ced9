import type { HistoryTable } from '@mic/domain';
import { invertInPlace, type Multiply } from './invert';
import { recentItems } from './recent-items';
import type { HistoryOf } from './test-case';
import { bestUnmasked, type MaskedItems, type Recommender } from './top-unseen';

export interface EaseOptions {
  /** Length of the lists. */
  readonly k: number;
  /** Weight of an event relative to the next newer one; 1: all alike. */
  readonly recency: number;
  readonly historyOf: HistoryOf;
  readonly maskedItems: MaskedItems;
}

/** Item-item weights of EASE, I x I, row-major: row i says what item i speaks for. */
export type EaseWeights = Float32Array;

/**
 * EASE (Steck, WWW 2019): the linear item-item model with a zero diagonal, in closed form. With P the inverse of
 * X'X + lambda I, B_ij = -P_ij / P_jj. Time and memory grow with the cube and the square of the number of items.
 */
export async function easeWeights(
  histories: HistoryTable,
  options: {
    /** Regularisation: added to the diagonal of the item-item matrix. */
    readonly lambda: number;
    readonly multiply: Multiply;
    readonly onProgress?: (done: number, total: number) => void;
  },
): Promise<EaseWeights> {
  const { lambda, multiply, onProgress } = options;
  const { userCount, itemCount: n, offsets, itemRows } = histories;
  const gram = new Float32Array(n * n);
  for (let user = 0; user < userCount; user++) {
    const own = Uint32Array.from(new Set(itemRows.subarray(offsets[user], offsets[user + 1])));
    for (const a of own) for (const b of own) gram[a * n + b]!++;
  }
  for (let i = 0; i < n; i++) gram[i * n + i]! += lambda;
  await invertInPlace(gram, n, multiply, onProgress);
  const diagonal = Float32Array.from({ length: n }, (_, i) => gram[i * n + i]!);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) gram[i * n + j] = i === j ? 0 : -gram[i * n + j]! / diagonal[j]!;
  }
  return gram;
}

/** Ranks all items for a user by the weights of the items of the history; equal scores are ordered by row. */
export function easeRecommender(weights: EaseWeights, options: EaseOptions): Recommender {
  const { k, recency, historyOf, maskedItems } = options;
  const n = Math.sqrt(weights.length);
  const scores = new Float32Array(n);
  return (user) => {
    scores.fill(0);
    for (const [item, weight] of recentItems(historyOf(user), recency)) {
      for (let j = 0, at = item * n; j < n; j++, at++) scores[j]! += weight * weights[at]!;
    }
    return bestUnmasked(scores, maskedItems(user), k);
  };
}
