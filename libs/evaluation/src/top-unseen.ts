import { MicError } from '@mic/domain';
import type { HistoryOf } from './test-case';

/** Items that must not be in a user's list. */
export type MaskedItems = (user: number) => Uint32Array;

/** Gives a user's list: item rows, best first. */
export type Recommender = (user: number) => Uint32Array;

/** Which of a user's earlier items no list may have: those that the tower reads, all, or none. */
export const MASKS = ['window', 'all', 'none'] as const;
export type Mask = (typeof MASKS)[number];

/** @param window events that the tower reads. */
export function maskedItemsOf(historyOf: HistoryOf, mask: Mask, window: number): MaskedItems {
  if (mask === 'none') return () => new Uint32Array(0);
  return (user) => historyOf(user).slice(mask === 'window' ? -window : 0);
}

/** Rows must fit into the 21 bits that a score's 32 leave of a double's whole numbers. */
const MOST_ROWS = 2 ** 21;

/**
 * The k of the given rows with the highest scores, best first; equal scores are ordered by row.
 *
 * @param scores by row, finite.
 * @throws MicError INVALID_ARGUMENT when there are more than 2 M scores.
 */
export function bestRows(scores: Float32Array, rows: Uint32Array, k: number): Uint32Array {
  if (scores.length > MOST_ROWS) {
    throw new MicError('INVALID_ARGUMENT', `${scores.length} items are too many to rank`, {
      remedy: `rank at most ${MOST_ROWS} items`,
    });
  }
  // The bits of floats above 0 ascend with them, those of floats below 0 descend: turned round, one whole number holds
  // score and row, and sorts natively.
  const bits = new Uint32Array(scores.buffer, scores.byteOffset, scores.length);
  const keys = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    const own = scores[row] === 0 ? 0 : bits[row]!;
    const ascending = own >= 0x80000000 ? 0xffffffff - own : own + 0x80000000;
    keys[i] = ascending * MOST_ROWS + (MOST_ROWS - 1 - row);
  }
  keys.sort();
  const best = new Uint32Array(Math.min(k, rows.length));
  for (let i = 0; i < best.length; i++) best[i] = MOST_ROWS - 1 - (keys[keys.length - 1 - i]! % MOST_ROWS);
  return best;
}

/** The k best of all rows but the masked ones. */
export function bestUnmasked(scores: Float32Array, masked: Uint32Array, k: number): Uint32Array {
  const barred = new Set(masked);
  return bestRows(
    scores,
    Uint32Array.from(scores.keys()).filter((row) => !barred.has(row)),
    k,
  );
}
