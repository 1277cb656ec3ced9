import { usersOfItems, type HistoryTable } from '@mic/domain';
import { recentItems } from './recent-items';
import type { HistoryOf } from './test-case';
import { bestRows, type MaskedItems, type Recommender } from './top-unseen';

/** Neighbours kept per item; few are better than all (docs/experiments.md). */
export const NEIGHBOURS = 30;

/**
 * Item-kNN: an item's score is the sum of its cosine similarities to the distinct items of the user's history that have
 * it among their nearest, sim(i, j) = |users of both| / sqrt(|users of i| |users of j|) (Sarwar et al., WWW 2001;
 * Deshpande and Karypis, TOIS 2004). Equal scores are ordered by row.
 */
export function itemKnnRecommender(similar: readonly SimilarItems[], options: ItemKnnOptions): Recommender {
  const { k, neighbours = Infinity, recency = 1, historyOf, maskedItems } = options;
  const scores = new Float32Array(similar.length);
  const scored = new Uint32Array(similar.length);
  return (user) => {
    let count = 0;
    for (const [item, weight] of recentItems(historyOf(user), recency)) {
      const { rows, cosines } = similar[item]!;
      for (let i = 0; i < Math.min(neighbours, rows.length); i++) {
        const row = rows[i]!;
        if (scores[row] === 0) scored[count++] = row;
        scores[row]! += weight * cosines[i]!;
      }
    }
    const found = scored.subarray(0, count);
    const barred = new Set(maskedItems(user));
    const best = bestRows(
      scores,
      found.filter((row) => !barred.has(row)),
      k,
    );
    for (const row of found) scores[row] = 0;
    return best;
  };
}

export interface ItemKnnOptions {
  /** Length of the lists. */
  readonly k: number;
  /** Of the neighbours of an item, those that count; all by default. */
  readonly neighbours?: number;
  /** Weight of an event relative to the next newer one; 1 (the default): all alike. */
  readonly recency?: number;
  readonly historyOf: HistoryOf;
  readonly maskedItems: MaskedItems;
}

/** The nearest items of one item, best first. */
export interface SimilarItems {
  readonly rows: Uint32Array;
  readonly cosines: Float32Array;
}

/**
 * The most similar items of each item, best first. Time: the sum over users of the square of their distinct items.
 * Memory: 8 bytes per item and neighbour.
 */
export function similarItems(histories: HistoryTable, neighbours: number): SimilarItems[] {
  const { userCount, itemCount, offsets, itemRows } = histories;
  const itemsOf = Array.from({ length: userCount }, (_, user) =>
    Uint32Array.from(new Set(itemRows.subarray(offsets[user], offsets[user + 1]))),
  );
  const items = usersOfItems(histories);
  const usersOf = Array.from({ length: itemCount }, (_, item) =>
    Uint32Array.from(new Set(items.users.subarray(items.offsets[item], items.offsets[item + 1]))),
  );

  const together = new Float32Array(itemCount);
  const met = new Uint32Array(itemCount);
  return usersOf.map((users, item) => {
    let count = 0;
    for (const user of users) {
      for (const other of itemsOf[user]!) {
        if (together[other] === 0) met[count++] = other;
        together[other]!++;
      }
    }
    const others = met.subarray(0, count);
    for (const other of others) together[other]! /= Math.sqrt(users.length * usersOf[other]!.length);
    const rows = bestRows(
      together,
      others.filter((other) => other !== item),
      neighbours,
    );
    const cosines = Float32Array.from(rows, (row) => together[row]!);
    for (const other of others) together[other] = 0;
    return { rows, cosines };
  });
}
