import { NO_ROW } from '@mic/domain';

/** The popular items of a release, by category, as its file holds them. */
export class PopularLists {
  readonly #rows: Uint32Array;
  readonly #length: number;

  /** @param rows (categories + 1) x length item rows, padded with NO_ROW; the first list is of all items. */
  constructor(rows: Uint32Array, length: number) {
    this.#rows = rows;
    this.#length = length;
  }

  /** A view of a category's rows without their padding, most events first; empty for a category that there is not. */
  of(category: number): Uint32Array {
    const start = category * this.#length;
    if (!Number.isInteger(category) || category < 0 || start >= this.#rows.length) return new Uint32Array(0);
    const list = this.#rows.subarray(start, start + this.#length);
    const padding = list.indexOf(NO_ROW);
    return padding < 0 ? list : list.subarray(0, padding);
  }
}
