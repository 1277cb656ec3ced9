import type { HistoryTable } from '@mic/domain';
import { seenItems, topUnseen } from './top-unseen';

/**
 * Item-kNN: an item's score is the sum of its cosine similarities to the items of the user's history,
 * sim(i, j) = |users of both| / sqrt(|users of i| |users of j|) (Sarwar et al., WWW 2001), over all neighbours.
 * Memory: itemCount x itemCount floats; asked for up to 20,000 items.
 */
export function itemKnnRecommender(histories: HistoryTable, k: number): (user: number) => Uint32Array {
  const similarity = cosineSimilarities(histories);
  const { itemCount } = histories;
  const scores = new Float32Array(itemCount);
  return (user) => {
    const seen = seenItems(histories, user);
    scores.fill(0);
    for (const item of new Set(seen)) {
      const row = similarity.subarray(item * itemCount, (item + 1) * itemCount);
      for (let other = 0; other < itemCount; other++) scores[other]! += row[other]!;
    }
    return topUnseen(scores, seen, k);
  };
}

/** Largest number of items that item-kNN is computed for. */
export const ITEM_KNN_LIMIT = 20_000;

/** itemCount x itemCount; the diagonal is 0. */
function cosineSimilarities(histories: HistoryTable): Float32Array {
  const { userCount, itemCount } = histories;
  const together = new Float32Array(itemCount * itemCount);
  const users = new Float32Array(itemCount);
  for (let user = 0; user < userCount; user++) {
    const items = Uint32Array.from(new Set(seenItems(histories, user)));
    for (const a of items) {
      users[a]!++;
      const row = a * itemCount;
      for (const b of items) together[row + b]!++;
    }
  }
  for (let a = 0; a < itemCount; a++) {
    for (let b = 0; b < itemCount; b++) {
      const at = a * itemCount + b;
      together[at] = a === b || together[at] === 0 ? 0 : together[at]! / Math.sqrt(users[a]! * users[b]!);
    }
  }
  return together;
}
