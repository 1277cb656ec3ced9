/**
 * The best `capacity` scored rows seen so far, over typed arrays. The root is the worst entry: the lowest score and,
 * among equal scores, the highest row.
 */
export class BoundedHeap {
  readonly #scores: Float32Array;
  readonly #rows: Uint32Array;
  readonly #capacity: number;
  #size = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#scores = new Float32Array(capacity);
    this.#rows = new Uint32Array(capacity);
  }

  /** Offers scores[i] as the score of row firstRow + i, for i below count. Rows must arrive ascending; NaN is skipped. */
  offerBlock(scores: Float32Array, offset: number, count: number, firstRow: number): void {
    let i = 0;
    for (; i < count && this.#size < this.#capacity; i++) {
      const score = scores[offset + i]!;
      if (!Number.isNaN(score)) this.#append(score, firstRow + i);
    }
    if (this.#capacity === 0) return;
    // Rows ascend: a score equal to the root's belongs to a higher row and loses the tie.
    let worst = this.#scores[0]!;
    for (; i < count; i++) {
      const score = scores[offset + i]!;
      if (score > worst) {
        this.#siftDown(score, firstRow + i, this.#size);
        worst = this.#scores[0]!;
      }
    }
  }

  /** Empties the heap into rows and scores from `offset` on, best first. @returns the number of entries. */
  drainInto(rows: Uint32Array, scores: Float32Array, offset: number): number {
    const size = this.#size;
    for (let last = size - 1; last >= 0; last--) {
      rows[offset + last] = this.#rows[0]!;
      scores[offset + last] = this.#scores[0]!;
      this.#siftDown(this.#scores[last]!, this.#rows[last]!, last);
    }
    this.#size = 0;
    return size;
  }

  #append(score: number, row: number): void {
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isWorse(score, row, this.#scores[parent]!, this.#rows[parent]!)) break;
      this.#scores[at] = this.#scores[parent]!;
      this.#rows[at] = this.#rows[parent]!;
      at = parent;
    }
    this.#scores[at] = score;
    this.#rows[at] = row;
  }

  /** Puts an entry in the root's place within the first `size` slots. */
  #siftDown(score: number, row: number, size: number): void {
    const scores = this.#scores;
    const rows = this.#rows;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && isWorse(scores[child + 1]!, rows[child + 1]!, scores[child]!, rows[child]!)) child++;
      if (!isWorse(scores[child]!, rows[child]!, score, row)) break;
      scores[at] = scores[child]!;
      rows[at] = rows[child]!;
      at = child;
    }
    scores[at] = score;
    rows[at] = row;
  }
}

function isWorse(scoreA: number, rowA: number, scoreB: number, rowB: number): boolean {
  return scoreA < scoreB || (scoreA === scoreB && rowA > rowB);
}
