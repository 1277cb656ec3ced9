/**
 * The rows of one id table that a step uses, each once. Local row 0 is always table row 0, the mask row; the step's graph
 * sees local rows only.
 */
export class UniqueRows {
  readonly #local: Int32Array;
  #rows: Uint32Array;
  #count = 0;

  /** @param tableRows rows of the table, mask row included. */
  constructor(tableRows: number) {
    this.#local = new Int32Array(tableRows).fill(-1);
    this.#rows = new Uint32Array(1024);
    this.reset();
  }

  /** Forgets all rows but the mask row. */
  reset(): void {
    for (let i = 0; i < this.#count; i++) this.#local[this.#rows[i]!] = -1;
    this.#count = 0;
    this.localOf(0);
  }

  /** Local row of a table row, which is added if it is new. */
  localOf(row: number): number {
    const known = this.#local[row]!;
    if (known >= 0) return known;
    if (this.#count === this.#rows.length) {
      const larger = new Uint32Array(this.#count * 2);
      larger.set(this.#rows);
      this.#rows = larger;
    }
    this.#rows[this.#count] = row;
    this.#local[row] = this.#count;
    return this.#count++;
  }

  /** Table rows in local order. */
  get rows(): Uint32Array {
    return this.#rows.subarray(0, this.#count);
  }

  /** Their values, count x width. */
  gather(table: Float32Array, width: number): Float32Array {
    const values = new Float32Array(this.#count * width);
    for (let i = 0; i < this.#count; i++) {
      const row = this.#rows[i]!;
      values.set(table.subarray(row * width, (row + 1) * width), i * width);
    }
    return values;
  }
}
