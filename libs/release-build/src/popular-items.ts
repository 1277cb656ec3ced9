import { NO_ROW } from '@mic/domain';

/**
 * The items with the most events: list 0 of all items, list c of those of category c; equal ones by row, items without
 * events last, padded with NO_ROW.
 *
 * @param popularity events by item row.
 * @param categories category by item row, 0 = none.
 * @returns (categoryCount + 1) x length item rows.
 */
export function popularItems(
  popularity: Float32Array,
  categories: Uint32Array,
  categoryCount: number,
  length: number,
): Uint32Array {
  const lists = new Uint32Array((categoryCount + 1) * length).fill(NO_ROW);
  const filled = new Uint32Array(categoryCount + 1);
  const byPopularity = Uint32Array.from(popularity.keys()).sort((a, b) => popularity[b]! - popularity[a]! || a - b);
  const add = (list: number, item: number): void => {
    if (filled[list]! < length) lists[list * length + filled[list]!++] = item;
  };
  for (const item of byPopularity) {
    add(0, item);
    if (categories[item] !== 0) add(categories[item]!, item);
  }
  return lists;
}
