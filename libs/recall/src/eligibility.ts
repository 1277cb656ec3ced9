import type { Items } from './items';

/** Why an item must not be returned. */
export type Ineligible = 'SEEN' | 'EXCLUDED' | 'FILTERED' | 'HIDDEN';

/** How to find the eligible items that are nearest to something. */
export type SearchPlan =
  /** There are none. */
  | { readonly kind: 'none' }
  /** Ask an index for so many, and drop those that are not eligible. */
  | { readonly kind: 'search'; readonly k: number }
  /** Look at every eligible item: cheaper than to search for as many as would have to be dropped. */
  | { readonly kind: 'scan' };

/** What a request says of the items that it wants. */
export interface EligibilityRules {
  /** Rows that the user has seen; NO_ROW is ignored, here and below. */
  readonly seen?: Iterable<number>;
  readonly excluded?: Iterable<number>;
  /** Names of the categories wanted; none: all. A name that nobody knows has no items. */
  readonly categories?: readonly string[];
  /** Rows wanted; undefined: all. */
  readonly only?: Iterable<number>;
}

/** Most that an index is asked for (the limit of AnnService). */
const MOST_SEARCHED = 10_000;
/** Items whose vectors are compared in the time in which an index finds one more (ours; reckoned, ADR 022). */
const SCANNED_PER_SEARCHED = 40;
/** Asked for beyond what the share of the eligible ones says: it need not be the same everywhere. */
const MARGIN = 1.2;

/** Which items a request may return: not seen, not excluded, not hidden, of the wanted categories, among those named. */
export class Eligibility {
  readonly #items: Items;
  readonly #seen: ReadonlySet<number>;
  readonly #excluded: ReadonlySet<number>;
  readonly #categories: ReadonlySet<number> | null;
  readonly #only: ReadonlySet<number> | null;
  readonly #rules: EligibilityRules;
  readonly #refused: Set<number> | null;
  #count: number | null = null;

  /** @param refused gathers what `has` says no to; null: nothing does. */
  constructor(items: Items, rules: EligibilityRules, refused: Set<number> | null = null) {
    const { seen = [], excluded = [], categories = [], only } = rules;
    this.#items = items;
    this.#rules = rules;
    this.#refused = refused;
    const known = (rows: Iterable<number>): ReadonlySet<number> => {
      const set = new Set<number>();
      for (const row of rows) if (row < items.count) set.add(row);
      return set;
    };
    this.#seen = known(seen);
    this.#excluded = known(excluded);
    this.#categories = categories.length === 0 ? null : items.categoriesNamed(categories);
    this.#only = only === undefined ? null : known(only);
  }

  /** The same, which notes the rows that it says no to. */
  noting(refused: Set<number>): Eligibility {
    return new Eligibility(this.#items, this.#rules, refused);
  }

  has(row: number): boolean {
    const may = this.#may(row);
    if (!may) this.#refused?.add(row);
    return may;
  }

  /** Why an item must not be returned; null where it may. */
  against(row: number): Ineligible | null {
    if (this.#items.hidden.has(row)) return 'HIDDEN';
    if (this.#excluded.has(row)) return 'EXCLUDED';
    if (this.#seen.has(row)) return 'SEEN';
    return this.#passes(row) ? null : 'FILTERED';
  }

  /** How many items may be returned. */
  get count(): number {
    this.#count ??= this.#countEligible();
    return this.#count;
  }

  /** How to find the best `wanted` eligible items. */
  planFor(wanted: number): SearchPlan {
    const { count } = this;
    if (count === 0 || wanted === 0) return { kind: 'none' };
    const barred = this.#seen.size + this.#excluded.size + this.#items.hidden.size;
    const isFiltered = this.#categories !== null || this.#only !== null;
    const share = isFiltered ? count / this.#items.count : 1;
    const k = Math.ceil((Math.min(wanted, count) / share) * (isFiltered ? MARGIN : 1)) + barred;
    if (isFiltered && (k > MOST_SEARCHED || count <= SCANNED_PER_SEARCHED * k)) return { kind: 'scan' };
    return { kind: 'search', k: Math.min(k, MOST_SEARCHED, this.#items.count) };
  }

  /** Rows of all items that may be returned, ascending. */
  rows(): Uint32Array {
    return this.#passing().filter((row) => this.#may(row));
  }

  #may(row: number): boolean {
    return (
      row < this.#items.count &&
      !this.#seen.has(row) &&
      !this.#excluded.has(row) &&
      !this.#items.hidden.has(row) &&
      this.#passes(row)
    );
  }

  #passes(row: number): boolean {
    return (
      (this.#categories === null || this.#categories.has(this.#items.categoryOf(row))) &&
      (this.#only === null || this.#only.has(row))
    );
  }

  /** Rows of the wanted categories, or among those named, whatever else. */
  #passing(): Uint32Array {
    if (this.#only !== null) return Uint32Array.from(this.#only).sort();
    if (this.#categories !== null) return this.#items.rowsOfCategories(this.#categories);
    const all = new Uint32Array(this.#items.count);
    for (let row = 0; row < all.length; row++) all[row] = row;
    return all;
  }

  #countEligible(): number {
    if (this.#only !== null) {
      let count = 0;
      for (const row of this.#only) count += Number(this.#may(row));
      return count;
    }
    const all = this.#categories === null ? this.#items.count : this.#items.sizeOfCategories(this.#categories);
    const barred = new Set([...this.#seen, ...this.#excluded, ...this.#items.hidden]);
    let count = all;
    for (const row of barred) count -= Number(this.#passes(row));
    return count;
  }
}
