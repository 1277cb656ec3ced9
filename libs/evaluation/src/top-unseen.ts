import { MicError, type HistoryTable } from '@mic/domain';

/** Items that must not be in a user's list. */
export type MaskedItems = (user: number) => Uint32Array;

/** Which of a user's earlier items no list may have: those that the tower reads, all, or none. */
export const MASKS = ['window', 'all', 'none'] as const;
export type Mask = (typeof MASKS)[number];

/** @param window events that the tower reads. */
export function maskedItemsOf(histories: HistoryTable, mask: Mask, window: number): MaskedItems {
  if (mask === 'none') return () => new Uint32Array(0);
  return (user) => seenItems(histories, user).slice(mask === 'window' ? -window : 0);
}

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
