import { usersOfItems, type HistoryTable } from '@mic/domain';
import type { TowerModel } from '@mic/training';
import { normaliseRows } from '@mic/vectors';

/** How far new items are moved from the mean user; a negative number moves them nearer, so that they are shown more. */
export interface NewItemShifts {
  /** Of items that nobody has had yet. */
  readonly fieldsAlone: number;
  /** Of items with users. */
  readonly withUsers: number;
}

/** 1 for items whose id training has not seen: their id row is the mask row; none where items have no id rows. */
export function untrainedItems(
  { itemRows, itemIds }: Pick<TowerModel, 'itemRows' | 'itemIds'>,
  maskedItemRow: readonly number[],
): Uint8Array {
  const width = maskedItemRow.length;
  if (width === 0) return new Uint8Array(itemIds.length);
  const mask = Float32Array.from(maskedItemRow);
  const isMasked = (_: unknown, item: number): boolean =>
    mask.every((value, d) => itemRows[item * width + d] === value);
  return Uint8Array.from({ length: itemRows.length / width }, (_, item) => Number(isMasked(_, item)));
}

/**
 * Puts items that training has not seen where they are found as often as they are asked for (ours). One with users goes to
 * the mean of their vectors: v = l2(l2(mean e_u) - shift m), m the unit vector of the mean user, which is near everybody. One
 * without stays where its fields put it: v = l2(v - shift m).
 *
 * @param itemVectors I x dimension, unit vectors, encoded with masked ids where an item is new; not changed.
 * @param histories whose users new items have.
 * @param userMeans U x dimension.
 * @returns the vectors of all items by the shifts of the new ones; `itemVectors` itself where none is new.
 */
export function newItemPlacer({
  itemVectors,
  isNew,
  histories,
  userMeans,
  dimension,
}: PlacedItems): (shifts: NewItemShifts) => Float32Array {
  if (!isNew.includes(1)) return () => itemVectors;
  const unmoved = itemVectors.slice();
  const mean = meanOf(userMeans, dimension);
  const { offsets, users } = usersOfItems(histories);
  const places = Array.from(isNew.keys())
    .filter((item) => isNew[item] === 1)
    .map((item) => {
      const own = users.subarray(offsets[item], offsets[item + 1]);
      if (own.length > 0) unmoved.set(meanOf(userMeans, dimension, own), item * dimension);
      return { from: item * dimension, hasUsers: own.length > 0 };
    });
  return (shifts) => {
    const placed = unmoved.slice();
    for (const { from, hasUsers } of places) {
      const row = placed.subarray(from, from + dimension);
      const shift = hasUsers ? shifts.withUsers : shifts.fieldsAlone;
      for (let d = 0; d < dimension; d++) row[d]! -= shift * mean[d]!;
      normaliseRows(row, dimension);
    }
    return placed;
  };
}

export interface PlacedItems {
  readonly itemVectors: Float32Array;
  /** 1 for each new item. */
  readonly isNew: Uint8Array;
  readonly histories: HistoryTable;
  readonly userMeans: Float32Array;
  readonly dimension: number;
}

/** Mean of some rows, or of all, as a unit vector. */
function meanOf(rows: Float32Array, dimension: number, which?: Uint32Array): Float32Array {
  const mean = new Float32Array(dimension);
  const add = (row: number): void => {
    for (let d = 0; d < dimension; d++) mean[d]! += rows[row * dimension + d]!;
  };
  if (which) which.forEach(add);
  else for (let row = 0; row < rows.length / dimension; row++) add(row);
  return normaliseRows(mean, dimension);
}
