import { hashIds, HashRows, NO_ROW, type ReleaseId } from '@mic/domain';
import { dot } from '@mic/vectors';
import { itemsByCategory, type ItemsByCategory } from './items-by-category';
import type { ItemCatalog } from './ports';

/** What is said of items beside a release, resolved for that release. */
export interface LiveItems {
  /** Number of the newest change that is in it. */
  readonly revision: number;
  /** Items that the release does not know. */
  readonly newItems: readonly { readonly itemId: string; readonly category: string }[];
  /** Their vectors, newItems x dimension, row-major, unit length. */
  readonly vectors: Float32Array;
  /** Items of the release that are of another category now, by row. */
  readonly categories: ReadonlyMap<number, string>;
  /** Items that must not be returned, known to the release or not. */
  readonly hiddenIds: readonly string[];
}

export const NO_LIVE_ITEMS: LiveItems = {
  revision: 0,
  newItems: [],
  vectors: new Float32Array(0),
  categories: new Map(),
  hiddenIds: [],
};

/**
 * All items that a request knows, by row: those of the release from 0 on, and behind them the live ones. It does not change: a
 * request uses one from its first step to its last.
 */
export class Items {
  readonly releaseId: ReleaseId;
  readonly dimension: number;
  /** Rows of the release: below it a row means the same everywhere. */
  readonly releaseCount: number;
  readonly liveCount: number;
  readonly revision: number;
  /** Rows that must not be returned. */
  readonly hidden: ReadonlySet<number>;
  readonly catalog: ItemCatalog;
  readonly #live: LiveItems;
  readonly #liveRows: HashRows;
  /** Category of each live item, and of those of the release that have changed theirs. */
  readonly #liveCategories: Uint32Array;
  readonly #changedCategories: ReadonlyMap<number, number>;
  readonly #categoryNames: readonly string[];

  constructor(catalog: ItemCatalog, live: LiveItems = NO_LIVE_ITEMS) {
    this.catalog = catalog;
    this.releaseId = catalog.releaseId;
    this.dimension = catalog.dimension;
    this.releaseCount = catalog.itemCount;
    this.liveCount = live.newItems.length;
    this.revision = live.revision;
    this.#live = live;
    this.#liveRows = new HashRows(hashIds(live.newItems.map(({ itemId }) => itemId)));
    const names = new CategoryNames(catalog.categoryNames);
    this.#liveCategories = Uint32Array.from(live.newItems, ({ category }) => names.numberOf(category));
    this.#changedCategories = new Map(Array.from(live.categories, ([row, name]) => [row, names.numberOf(name)]));
    this.#categoryNames = names.all;
    this.hidden = new Set(this.rowsOf(hashIds(live.hiddenIds)).filter((row) => row !== NO_ROW));
  }

  /** Rows that there are: any below it is an item. */
  get count(): number {
    return this.releaseCount + this.liveCount;
  }

  itemId(row: number): string {
    return row < this.releaseCount ? this.catalog.itemId(row) : this.#live.newItems[row - this.releaseCount]!.itemId;
  }

  /** Rows of packed item hashes, NO_ROW where nobody knows the item. */
  rowsOf(itemHashes: Uint32Array): Uint32Array {
    const rows = this.catalog.rowsOf(itemHashes);
    if (this.liveCount === 0) return rows;
    for (let i = 0; i < rows.length; i++) {
      if (rows[i] !== NO_ROW) continue;
      const live = this.#liveRows.rowOf(itemHashes[2 * i]!, itemHashes[2 * i + 1]!);
      if (live !== NO_ROW) rows[i] = this.releaseCount + live;
    }
    return rows;
  }

  /** A number of the category, 0 for "none"; those of the release are the release's. */
  categoryOf(row: number): number {
    if (row >= this.releaseCount) return this.#liveCategories[row - this.releaseCount]!;
    return this.#changedCategories.get(row) ?? this.catalog.categories[row]!;
  }

  /** '' for "none". */
  categoryName(category: number): string {
    return this.#categoryNames[category] ?? '';
  }

  /** Numbers of the categories with these names; a name that no item has is left out. */
  categoriesNamed(names: readonly string[]): ReadonlySet<number> {
    return new Set(names.map((name) => this.#categoryNames.indexOf(name)).filter((category) => category >= 0));
  }

  /** Rows of the items of some categories, ascending. */
  rowsOfCategories(categories: ReadonlySet<number>): Uint32Array {
    const lists = [...categories].map((category) => this.#byCategory.rowsOf(category));
    const rows: number[] = [];
    for (const list of lists) for (const row of list) if (!this.#changedCategories.has(row)) rows.push(row);
    for (const [row, category] of this.#changedCategories) if (categories.has(category)) rows.push(row);
    for (let i = 0; i < this.liveCount; i++) {
      if (categories.has(this.#liveCategories[i]!)) rows.push(this.releaseCount + i);
    }
    return Uint32Array.from(rows).sort();
  }

  /** How many items are of these categories. */
  sizeOfCategories(categories: ReadonlySet<number>): number {
    let size = 0;
    for (const category of categories) size += this.#byCategory.rowsOf(category).length;
    for (const [row, category] of this.#changedCategories) {
      size += Number(categories.has(category)) - Number(categories.has(this.catalog.categories[row]!));
    }
    for (const category of this.#liveCategories) size += Number(categories.has(category));
    return size;
  }

  /** Training events of the item; 0 for a live one. */
  popularity(row: number): number {
    return row < this.releaseCount ? this.catalog.popularity[row]! : 0;
  }

  /** Dot product of query vector `query` (of queries x dimension) and the item's. */
  similarity(queries: Float32Array, query: number, row: number): number {
    return row < this.releaseCount
      ? dot(queries, query, this.catalog.vectors, row, this.dimension)
      : dot(queries, query, this.#live.vectors, row - this.releaseCount, this.dimension);
  }

  /** Dot product of two items' vectors. */
  alike(a: number, b: number): number {
    const [vectors, row] = this.#vectorOf(a);
    return this.similarity(vectors, row, b);
  }

  /** Vectors of some items, rows x dimension. */
  vectorsOf(rows: ArrayLike<number>): Float32Array {
    const { dimension } = this;
    const gathered = new Float32Array(rows.length * dimension);
    for (let i = 0; i < rows.length; i++) {
      const [vectors, row] = this.#vectorOf(rows[i]!);
      gathered.set(vectors.subarray(row * dimension, (row + 1) * dimension), i * dimension);
    }
    return gathered;
  }

  #vectorOf(row: number): [vectors: Float32Array, row: number] {
    return row < this.releaseCount ? [this.catalog.vectors, row] : [this.#live.vectors, row - this.releaseCount];
  }

  get #byCategory(): ItemsByCategory {
    return itemsByCategory(this.catalog);
  }
}

/** Numbers of category names: those of a release, and more behind them. */
class CategoryNames {
  readonly all: string[];

  constructor(known: readonly string[]) {
    this.all = [...known];
  }

  numberOf(name: string): number {
    if (name === '') return 0;
    const known = this.all.indexOf(name);
    return known >= 0 ? known : this.all.push(name) - 1;
  }
}
