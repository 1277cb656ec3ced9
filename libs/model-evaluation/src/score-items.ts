import { dot, exactTopK } from '@mic/vectors';
import type { UserVectors } from '@mic/recall';
import type { EncodedWorld } from './encoded-world';

/**
 * Gives the rank (from 1) of an item among all items that are not masked, by its best similarity to the user's vectors;
 * equal ones by row. Infinity where the user has no vector or the item is masked.
 */
export function rankAmongAll(
  { itemVectors, dimension, histories }: EncodedWorld,
  user: UserVectors | null,
  masked: Uint32Array,
): (item: number) => number {
  if (!user) return () => Infinity;
  const scores = Float32Array.from({ length: histories.itemCount }, (_, row) => {
    let best = -Infinity;
    for (let v = 0; v < user.count; v++) best = Math.max(best, dot(user.vectors, v, itemVectors, row, dimension));
    return best;
  });
  for (const row of masked) scores[row] = -Infinity;
  return (item) => {
    const own = scores[item]!;
    if (own === -Infinity) return Infinity;
    let rank = 1;
    for (let row = 0; row < scores.length; row++) {
      if (scores[row]! > own || (scores[row] === own && row < item)) rank++;
    }
    return rank;
  };
}

/** The k items most similar to any of a user's vectors, best first, masked ones left out. */
export function topItems(
  { itemVectors, dimension, histories }: EncodedWorld,
  user: UserVectors,
  masked: Uint32Array,
  k: number,
): Uint32Array {
  const { rows, scores } = exactTopK({
    queries: user.vectors,
    queryCount: user.count,
    matrix: itemVectors,
    rowCount: histories.itemCount,
    dimension,
    k,
    exclude: () => masked,
  });
  if (user.count === 1) return rows;
  const best = new Map<number, number>();
  rows.forEach((row, i) => best.set(row, Math.max(scores[i]!, best.get(row) ?? -Infinity)));
  const order = [...best].sort(([rowA, a], [rowB, b]) => b - a || rowA - rowB);
  return Uint32Array.from(order.slice(0, k), ([row]) => row);
}
