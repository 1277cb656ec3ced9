import { NO_ROW } from '@mic/domain';
import type { ItemCatalog } from './ports';

/** Which items a request may return: not seen, not excluded, of the wanted categories. */
export class Eligibility {
  readonly #barred: ReadonlySet<number>;
  readonly #catalog: ItemCatalog;
  readonly #categories: ReadonlySet<number> | null;

  /**
   * @param barredRows item rows that must not be returned; NO_ROW is ignored.
   * @param categories names of the categories wanted; none: all. A name that the release does not know has no items.
   */
  constructor(catalog: ItemCatalog, barredRows: Iterable<number>, categories: readonly string[]) {
    this.#catalog = catalog;
    const barred = new Set(barredRows);
    barred.delete(NO_ROW);
    this.#barred = barred;
    this.#categories =
      categories.length === 0 ? null : new Set(categories.map((name) => catalog.categoryNames.indexOf(name)));
  }

  has(row: number): boolean {
    return (
      row < this.#catalog.itemCount &&
      !this.#barred.has(row) &&
      (this.#categories === null || this.#categories.has(this.#catalog.categories[row]!))
    );
  }

  /**
   * How many items to ask for so that about `wanted` eligible ones are among them: the barred ones on top, and the
   * wanted categories' share of all items.
   */
  overFetch(wanted: number): number {
    const share = this.#categories === null ? 1 : this.#shareOfCategories(this.#categories);
    if (share === 0) return 0;
    return Math.min(this.#catalog.itemCount, Math.ceil(wanted / share) + this.#barred.size);
  }

  #shareOfCategories(wanted: ReadonlySet<number>): number {
    let items = 0;
    for (const category of this.#catalog.categories) if (wanted.has(category)) items++;
    return items / this.#catalog.itemCount;
  }
}
