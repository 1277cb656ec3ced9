import { usersOfItems, type HistoryTable } from '@mic/domain';
import { bestRows, seenItems, type MaskedItems } from './top-unseen';

/** Neighbours kept per item; few are better than all (docs/experiments.md). */
const NEIGHBOURS = 30;

/**
 * Item-kNN: an item's score is the sum of its cosine similarities to the distinct items of the user's history that have
 * it among their nearest, sim(i, j) = |users of both| / sqrt(|users of i| |users of j|) (Sarwar et al., WWW 2001;
 * Deshpande and Karypis, TOIS 2004). Exact; equal scores are ordered by row, among neighbours as well.
 *
 * Time: the sum over users of the square of their distinct items. Memory: 8 bytes per item and neighbour.
 *
 * @param neighbours neighbours kept per item; Infinity keeps all.
 * @param maskedItems items that a user's list must not have: by default those of the history.
 */
export function itemKnnRecommender(
  histories: HistoryTable,
  k: number,
  neighbours = NEIGHBOURS,
  maskedItems: MaskedItems = (user) => seenItems(histories, user),
): (user: number) => Uint32Array {
  const similar = similarItems(histories, neighbours);
  const scores = new Float32Array(histories.itemCount);
  const scored = new Uint32Array(histories.itemCount);
  return (user) => {
    const seen = seenItems(histories, user);
    let count = 0;
    for (const item of new Set(seen)) {
      const { rows, cosines } = similar[item]!;
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i]!;
        if (scores[row] === 0) scored[count++] = row;
        scores[row]! += cosines[i]!;
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

interface SimilarItems {
  readonly rows: Uint32Array;
  readonly cosines: Float32Array;
}

/** The most similar items of each item, best first. */
function similarItems(histories: HistoryTable, neighbours: number): SimilarItems[] {
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
