import type { HistoryTable } from '@mic/domain';
import { seenItems, type MaskedItems } from './top-unseen';

/** Number of events of each item. */
export function itemPopularity({ itemCount, itemRows }: HistoryTable): Float32Array {
  const counts = new Float32Array(itemCount);
  for (const item of itemRows) counts[item]!++;
  return counts;
}

/** Gives each user the k most popular items that are not masked (by default the user's own); equal ones by row. */
export function popularityRecommender(
  histories: HistoryTable,
  k: number,
  maskedItems: MaskedItems = (user) => seenItems(histories, user),
): (user: number) => Uint32Array {
  const counts = itemPopularity(histories);
  const byPopularity = Uint32Array.from(counts, (_, row) => row).sort((a, b) => counts[b]! - counts[a]! || a - b);
  return (user) => {
    const seen = new Set(maskedItems(user));
    const list: number[] = [];
    for (const row of byPopularity) {
      if (list.length === k || counts[row] === 0) break;
      if (!seen.has(row)) list.push(row);
    }
    return Uint32Array.from(list);
  };
}
