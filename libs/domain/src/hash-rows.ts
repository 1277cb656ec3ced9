import { MicError } from './errors';
import { HASH_WORDS } from './item-hash';
import { NO_ROW } from './interaction';

/**
 * Immutable map from packed 64-bit hashes to row numbers: open addressing with linear probing over typed arrays, at
 * most half full (20 bytes a row or less, no object per entry).
 */
export class HashRows {
  /** Packed hashes, row r at words [2r, 2r + 1]. */
  readonly hashes: Uint32Array;
  /** The table: a power of two of places, each a row or NO_ROW. */
  readonly slots: Uint32Array;
  readonly #mask: number;

  /**
   * @param hashes packed hashes, row r at words [2r, 2r + 1].
   * @param slots the table of another map of the same hashes, made in another thread; it is not made again.
   * @throws MicError FAILED_PRECONDITION when two rows have the same hash.
   */
  constructor(hashes: Uint32Array, slots?: Uint32Array) {
    if (slots) {
      this.hashes = hashes;
      this.slots = slots;
      this.#mask = slots.length - 1;
      return;
    }
    const count = hashes.length / HASH_WORDS;
    let capacity = 4;
    while (capacity < count * 2) capacity *= 2;
    this.hashes = hashes;
    this.#mask = capacity - 1;
    this.slots = new Uint32Array(capacity).fill(NO_ROW);
    for (let row = 0; row < count; row++) {
      const low = hashes[row * HASH_WORDS]!;
      const high = hashes[row * HASH_WORDS + 1]!;
      let slot = low & this.#mask;
      while (this.slots[slot] !== NO_ROW) {
        const other = this.slots[slot]!;
        if (hashes[other * HASH_WORDS] === low && hashes[other * HASH_WORDS + 1] === high) {
          throw new MicError('FAILED_PRECONDITION', `rows ${other} and ${row} have the same 64-bit id hash`, {
            remedy: 'remove the duplicate id, or rename one of the two ids',
          });
        }
        slot = (slot + 1) & this.#mask;
      }
      this.slots[slot] = row;
    }
  }

  /** The row of a hash given as two 32-bit words, or NO_ROW. */
  rowOf(low: number, high: number): number {
    let slot = low & this.#mask;
    for (;;) {
      const row = this.slots[slot]!;
      if (row === NO_ROW) return NO_ROW;
      if (this.hashes[row * HASH_WORDS] === low && this.hashes[row * HASH_WORDS + 1] === high) return row;
      slot = (slot + 1) & this.#mask;
    }
  }

  /** The rows of packed hashes, NO_ROW where one is unknown. */
  rowsOf(hashes: Uint32Array): Uint32Array {
    const rows = new Uint32Array(hashes.length / HASH_WORDS);
    for (let i = 0; i < rows.length; i++) rows[i] = this.rowOf(hashes[i * HASH_WORDS]!, hashes[i * HASH_WORDS + 1]!);
    return rows;
  }
}
