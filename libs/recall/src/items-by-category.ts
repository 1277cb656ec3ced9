import type { ItemCatalog } from './ports';

/** The items of a release by category. */
export interface ItemsByCategory {
  /** Rows of a category, ascending; none for a category that the release does not have. */
  rowsOf(category: number): Uint32Array;
}

/** A catalogue does not change: sorted once each. */
const SORTED = new WeakMap<ItemCatalog, ItemsByCategory>();

/** Sorts the rows of a catalogue by category: 4 bytes an item. */
export function itemsByCategory(catalog: ItemCatalog): ItemsByCategory {
  const known = SORTED.get(catalog);
  if (known) return known;
  const sorted = sortByCategory(catalog);
  SORTED.set(catalog, sorted);
  return sorted;
}

function sortByCategory({ categories, categoryNames }: ItemCatalog): ItemsByCategory {
  const ends = new Uint32Array(categoryNames.length + 1);
  for (const category of categories) ends[category + 1]!++;
  for (let category = 0; category < categoryNames.length; category++) ends[category + 1]! += ends[category]!;
  const starts = ends.slice();
  const rows = new Uint32Array(categories.length);
  for (let row = 0; row < rows.length; row++) rows[starts[categories[row]!]!++] = row;
  return { rowsOf: (category) => rows.subarray(ends[category] ?? 0, ends[category + 1] ?? ends[category] ?? 0) };
}
