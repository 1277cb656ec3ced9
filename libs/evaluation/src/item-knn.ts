import { usersOfItems, type HistoryTable, type ScoredLists } from '@mic/domain';
import { seenItems, TopUnseen } from './top-unseen';

/** Neighbours kept per item; few are better than all (docs/experiments.md). */
const NEIGHBOURS = 20;

/**
 * Item-kNN: an item's score is the sum of its cosine similarities to the items of the user's history that have it among
 * their 20 nearest, sim(i, j) = |users of both| / sqrt(|users of i| |users of j|) (Sarwar et al., WWW 2001; Deshpande and
 * Karypis, TOIS 2004).
 */
export function itemKnnRecommender(histories: HistoryTable, k: number): (user: number) => Uint32Array {
  const { offsets, rows, scores } = nearestItems(histories);
  const top = new TopUnseen(histories.itemCount);
  return (user) => {
    const seen = seenItems(histories, user);
    for (const item of new Set(seen)) {
      for (let i = offsets[item]!; i < offsets[item + 1]!; i++) top.add(rows[i]!, scores[i]!);
    }
    return top.take(seen, k);
  };
}

/** The nearest items of each item by the cosine of their users; equal ones are ordered by row. */
function nearestItems(histories: HistoryTable): ScoredLists {
  const { itemCount } = histories;
  const { offsets: starts, users } = usersOfItems(histories);
  const distinct = Uint32Array.from({ length: itemCount }, (_, item) => {
    return new Set(users.subarray(starts[item], starts[item + 1])).size;
  });
  const top = new TopUnseen(itemCount);
  const offsets = new Uint32Array(itemCount + 1);
  const rows: number[] = [];
  const scores: number[] = [];
  for (let item = 0; item < itemCount; item++) {
    for (const user of new Set(users.subarray(starts[item], starts[item + 1]))) {
      for (const other of new Set(seenItems(histories, user)))
        top.add(other, 1 / Math.sqrt(distinct[item]! * distinct[other]!));
    }
    const nearest = top.take(Uint32Array.of(item), NEIGHBOURS, (row, score) => {
      rows.push(row);
      scores.push(score);
    });
    offsets[item + 1] = offsets[item]! + nearest.length;
  }
  return { offsets, rows: Uint32Array.from(rows), scores: Float32Array.from(scores) };
}
