import type { HistoryTable } from '@mic/domain';
import { invertInPlace, type Multiply } from './invert';
import { seenItems, type MaskedItems } from './top-unseen';

export interface EaseOptions {
  /** Length of the lists. */
  readonly k: number;
  /** Regularisation: added to the diagonal of the item-item matrix. */
  readonly lambda: number;
  /** Weight of an event relative to the next newer one when a user is scored; 1: all alike. */
  readonly recency: number;
  readonly multiply: Multiply;
  /** Items that a user's list must not have: by default those of the history. */
  readonly maskedItems?: MaskedItems;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Item-item weights of EASE, I x I, row-major: row i says what item i speaks for. */
export type EaseWeights = Float32Array;

/**
 * EASE (Steck, WWW 2019): the linear item-item model with a zero diagonal, in closed form. With P the inverse of
 * X'X + lambda I, B_ij = -P_ij / P_jj. Time and memory grow with the cube and the square of the number of items.
 */
export async function easeWeights(
  histories: HistoryTable,
  { lambda, multiply, onProgress }: Pick<EaseOptions, 'lambda' | 'multiply' | 'onProgress'>,
): Promise<EaseWeights> {
  const { userCount, itemCount: n } = histories;
  const gram = new Float32Array(n * n);
  for (let user = 0; user < userCount; user++) {
    const own = Uint32Array.from(new Set(seenItems(histories, user)));
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
export function easeRecommender(
  histories: HistoryTable,
  weights: EaseWeights,
  {
    k,
    recency,
    maskedItems = (user) => seenItems(histories, user),
  }: Pick<EaseOptions, 'k' | 'recency' | 'maskedItems'>,
): (user: number) => Uint32Array {
  const n = histories.itemCount;
  const scores = new Float32Array(n);
  return (user) => {
    scores.fill(0);
    const counted = new Set<number>();
    const own = seenItems(histories, user);
    for (let age = 0; age < own.length; age++) {
      const item = own[own.length - 1 - age]!;
      if (counted.has(item)) continue;
      counted.add(item);
      const weight = recency ** age;
      if (weight < 1e-6) break;
      for (let j = 0, at = item * n; j < n; j++, at++) scores[j]! += weight * weights[at]!;
    }
    const masked = new Set(maskedItems(user));
    const rows = Array.from({ length: n }, (_, row) => row).filter((row) => !masked.has(row));
    rows.sort((a, b) => scores[b]! - scores[a]! || a - b);
    return Uint32Array.from(rows.slice(0, k));
  };
}
