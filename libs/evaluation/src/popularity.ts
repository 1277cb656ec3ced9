import type { HistoryTable } from '@mic/domain';
import { bestRows, type MaskedItems, type Recommender } from './top-unseen';

/** Number of events of each item. */
export function itemPopularity({ itemCount, itemRows }: HistoryTable): Float32Array {
  const counts = new Float32Array(itemCount);
  for (const item of itemRows) counts[item]!++;
  return counts;
}

/** Events of each item, each counted 2^(-age / halfLife), its age before the newest event of the table. */
export function recentPopularity({ itemCount, itemRows, timesMs }: HistoryTable, halfLifeMs: number): Float32Array {
  const newest = timesMs.reduce((a, b) => Math.max(a, b), -Infinity);
  const counts = new Float32Array(itemCount);
  itemRows.forEach((item, event) => (counts[item]! += 2 ** ((timesMs[event]! - newest) / halfLifeMs)));
  return counts;
}

/** Gives each user the k most popular items that are not masked; equal ones by row, those without events never. */
export function popularityRecommender(popularity: Float32Array, k: number, maskedItems: MaskedItems): Recommender {
  const known = Uint32Array.from(popularity.keys()).filter((row) => popularity[row]! > 0);
  const byPopularity = bestRows(popularity, known, known.length);
  return (user) => {
    const masked = new Set(maskedItems(user));
    const list: number[] = [];
    for (const row of byPopularity) {
      if (list.length === k) break;
      if (!masked.has(row)) list.push(row);
    }
    return Uint32Array.from(list);
  };
}
