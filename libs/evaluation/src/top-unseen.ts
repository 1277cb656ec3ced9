import type { HistoryTable } from '@mic/domain';

/** Item rows of a user's history. */
export function seenItems({ offsets, itemRows }: HistoryTable, user: number): Uint32Array {
  return itemRows.subarray(offsets[user], offsets[user + 1]);
}

/** The k items of the highest score above 0 that are not seen, best first; equal scores are ordered by row. */
export function topUnseen(scores: Float32Array, seen: Uint32Array, k: number): Uint32Array {
  const barred = new Set(seen);
  const rows: number[] = [];
  scores.forEach((score, row) => {
    if (score > 0 && !barred.has(row)) rows.push(row);
  });
  rows.sort((a, b) => scores[b]! - scores[a]! || a - b);
  return Uint32Array.from(rows.slice(0, k));
}
