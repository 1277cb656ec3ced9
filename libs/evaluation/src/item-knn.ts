import { usersOfItems, type HistoryTable } from '@mic/domain';
import { bestRows, seenItems, type MaskedItems } from './top-unseen';

/** Neighbours kept per item; few are better than all (docs/experiments.md). */
const NEIGHBOURS = 30;

/**
 * Item-kNN: an item's score is the sum of its cosine similarities to the distinct items of the user's history that have
 * it among their nearest, sim(i, j) = |users of both| / sqrt(|users of i| |users of j|) (Sarwar et al., WWW 2001;
 * Deshpande and Karypis, TOIS 2004). Exact; equal scores are ordered by row, among neighbours as well.
 *
 */
export function itemKnnRecommender(
  histories: HistoryTable,
  k: number,
  {
    neighbours = NEIGHBOURS,
    recency = 1,
    maskedItems = (user) => seenItems(histories, user),
    similar = similarItems(histories, neighbours),
  }: ItemKnnOptions = {},
): (user: number) => Uint32Array {
  const scores = new Float32Array(histories.itemCount);
  const scored = new Uint32Array(histories.itemCount);
  return (user) => {
    const seen = seenItems(histories, user);
    let count = 0;
    const counted = new Set<number>();
    for (let age = 0; age < seen.length; age++) {
      const item = seen[seen.length - 1 - age]!;
      if (counted.has(item)) continue;
      counted.add(item);
      const weight = recency ** age;
      if (weight < LEAST_WEIGHT) break;
      const { rows, cosines } = similar[item]!;
      for (let i = 0; i < rows.length; i++) {
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
  /** Neighbours kept per item, 30 by default; Infinity keeps all. */
  readonly neighbours?: number;
  /** Weight of an event relative to the next newer one; 1 (the default): all alike. */
  readonly recency?: number;
  /** Items that a user's list must not have: by default those of the history. */
  readonly maskedItems?: MaskedItems;
  /** Neighbours that were computed before. */
  readonly similar?: readonly SimilarItems[];
}

/** Older events weigh nothing that could be seen. */
const LEAST_WEIGHT = 1e-6;

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
  const { userCount, itemCount } = histories;
  const itemsOf = Array.from({ length: userCount }, (_, user) => Uint32Array.from(new Set(seenItems(histories, user))));
  const { offsets, users: all } = usersOfItems(histories);
  const usersOf = Array.from({ length: itemCount }, (_, item) =>
    Uint32Array.from(new Set(all.subarray(offsets[item], offsets[item + 1]))),
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
