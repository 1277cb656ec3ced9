import type { HistoryTable } from '@mic/domain';
import { seenItems, topUnseen } from './top-unseen';

/** Number of events of each item. */
export function itemPopularity({ itemCount, itemRows }: HistoryTable): Float32Array {
  const counts = new Float32Array(itemCount);
  for (const item of itemRows) counts[item]!++;
  return counts;
}

/** Gives each user the most popular items that are not in the user's history. */
export function popularityRecommender(histories: HistoryTable, k: number): (user: number) => Uint32Array {
  const counts = itemPopularity(histories);
  return (user) => topUnseen(counts, seenItems(histories, user), k);
}
