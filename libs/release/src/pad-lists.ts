import { NO_ROW, type ScoredLists } from '@mic/domain';

/** Ragged lists as the fixed-width columns of a release: `width` places a list, padded with NO_ROW and 0. */
export function padLists(lists: ScoredLists, width: number): { rows: Uint32Array; similarities: Float32Array } {
  const count = lists.offsets.length - 1;
  const rows = new Uint32Array(count * width).fill(NO_ROW);
  const similarities = new Float32Array(count * width);
  for (let list = 0; list < count; list++) {
    const from = lists.offsets[list]!;
    const to = Math.min(lists.offsets[list + 1]!, from + width);
    rows.set(lists.rows.subarray(from, to), list * width);
    similarities.set(lists.scores.subarray(from, to), list * width);
  }
  return { rows, similarities };
}
