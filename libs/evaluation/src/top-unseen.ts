import type { HistoryTable } from '@mic/domain';

/** Item rows of a user's history. */
export function seenItems({ offsets, itemRows }: HistoryTable, user: number): Uint32Array {
  return itemRows.subarray(offsets[user], offsets[user + 1]);
}

/** Sums up scores of items and gives the best; reused from list to list, it clears only what was touched. */
export class TopUnseen {
  readonly #scores: Float64Array;
  readonly #touched: number[] = [];

  constructor(itemCount: number) {
    this.#scores = new Float64Array(itemCount);
  }

  /** Adds to an item's score; what is added is above 0. */
  add(row: number, score: number): void {
    if (this.#scores[row] === 0) this.#touched.push(row);
    this.#scores[row]! += score;
  }

  /** The k best items that are not seen, best first, equal scores by row; then all scores are 0 again. */
  take(seen: Uint32Array, k: number, each: (row: number, score: number) => void = () => undefined): Uint32Array {
    const scores = this.#scores;
    const barred = new Set(seen);
    const best = this.#touched
      .filter((row) => !barred.has(row))
      .sort((a, b) => scores[b]! - scores[a]! || a - b)
      .slice(0, k);
    for (const row of best) each(row, scores[row]!);
    for (const row of this.#touched) scores[row] = 0;
    this.#touched.length = 0;
    return Uint32Array.from(best);
  }
}
