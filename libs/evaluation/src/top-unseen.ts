import { MicError, type HistoryTable } from '@mic/domain';

/** Item rows of a user's history. */
export function seenItems({ offsets, itemRows }: HistoryTable, user: number): Uint32Array {
  return itemRows.subarray(offsets[user], offsets[user + 1]);
}

/** Rows must fit into the 21 bits that a score's 32 leave of a double's whole numbers. */
const MOST_ROWS = 2 ** 21;

/**
 * The k of the given rows with the highest scores, best first; equal scores are ordered by row.
 *
 * @param scores by row, above 0 for every given row.
 * @throws MicError INVALID_ARGUMENT when there are more than 2 M scores.
 */
export function bestRows(scores: Float32Array, rows: Uint32Array, k: number): Uint32Array {
  if (scores.length > MOST_ROWS) {
    throw new MicError('INVALID_ARGUMENT', `${scores.length} items are too many to rank`, {
      remedy: `rank at most ${MOST_ROWS} items`,
    });
  }
  // The bits of floats above 0 ascend with them, so that one whole number holds score and row, and sorts natively.
  const bits = new Uint32Array(scores.buffer, scores.byteOffset, scores.length);
  const keys = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) keys[i] = bits[rows[i]!]! * MOST_ROWS + (MOST_ROWS - 1 - rows[i]!);
  keys.sort();
  const best = new Uint32Array(Math.min(k, rows.length));
  for (let i = 0; i < best.length; i++) best[i] = MOST_ROWS - 1 - (keys[keys.length - 1 - i]! % MOST_ROWS);
  return best;
}
