import { NO_ROW } from '@mic/domain';
import type { ItemCatalog } from './ports';

/** Items asked for at most because of a category filter, beyond those wanted: a rare category must not cost a full scan. */
const MOST_FOR_CATEGORIES = 10_000;

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
   * How many items to ask for so that about `wanted` eligible ones are among them: the barred ones on top, and more by
   * the wanted categories' share of all items, within bounds.
   */
  overFetch(wanted: number): number {
    const share = this.#categories === null ? 1 : shareOf(this.#categories, this.#catalog);
    if (share === 0) return 0;
    const forCategories = Math.min(MOST_FOR_CATEGORIES, Math.ceil(wanted / share) - wanted);
    return Math.min(this.#catalog.itemCount, wanted + forCategories + this.#barred.size);
  }
}

function shareOf(wanted: ReadonlySet<number>, catalog: ItemCatalog): number {
  const sizes = categorySizes(catalog);
  let items = 0;
  for (const category of wanted) items += sizes.get(category) ?? 0;
  return items / catalog.itemCount;
}

/** Counted once a catalogue, which does not change. */
const SIZES = new WeakMap<ItemCatalog, ReadonlyMap<number, number>>();

function categorySizes(catalog: ItemCatalog): ReadonlyMap<number, number> {
  const known = SIZES.get(catalog);
  if (known) return known;
  const sizes = new Map<number, number>();
  for (const category of catalog.categories) sizes.set(category, (sizes.get(category) ?? 0) + 1);
  SIZES.set(catalog, sizes);
  return sizes;
}
