const FREE = -1;

/**
 * Numbers rows in the order in which they are met, 0, 1, 2, ...: open addressing over typed arrays, at most half full. What
 * a request merges is some hundred rows, and a Map of them costs several times as much.
 */
export class RowPositions {
  #slots: Int32Array;
  #rows: Uint32Array;
  #size = 0;

  /** @param expected rows to make room for; more find room too. */
  constructor(expected: number) {
    let capacity = 16;
    while (capacity < 2 * expected) capacity *= 2;
    this.#slots = new Int32Array(capacity).fill(FREE);
    this.#rows = new Uint32Array(capacity / 2);
  }

  get size(): number {
    return this.#size;
  }

  /** The rows met, by position. */
  rows(): Uint32Array {
    return this.#rows.slice(0, this.#size);
  }

  /** The position of a row, which is `size` as it was before where the row is new. */
  of(row: number): number {
    if (this.#size === this.#rows.length) this.#grow();
    const mask = this.#slots.length - 1;
    let slot = scatter(row) & mask;
    for (;;) {
      const position = this.#slots[slot]!;
      if (position === FREE) break;
      if (this.#rows[position] === row) return position;
      slot = (slot + 1) & mask;
    }
    this.#slots[slot] = this.#size;
    this.#rows[this.#size] = row;
    return this.#size++;
  }

  #grow(): void {
    const bigger = new RowPositions(this.#slots.length);
    for (let i = 0; i < this.#size; i++) bigger.of(this.#rows[i]!);
    this.#slots = bigger.#slots;
    this.#rows = bigger.#rows;
  }
}

/** Neighbouring rows to distant slots (Fibonacci hashing). */
const scatter = (row: number): number => Math.imul(row, 0x9e37_79b1) >>> 7;
