import type { HistoryTable } from '@mic/domain';
import { normaliseRows } from '@mic/vectors';

/** 1 for items without an event: their ids are masked. */
export function newItemsOf({ itemCount, itemRows }: HistoryTable): Uint8Array {
  const isNew = new Uint8Array(itemCount).fill(1);
  for (const item of itemRows) isNew[item] = 0;
  return isNew;
}

/**
 * Moves the vectors of new items away from the mean user (ours): v' = l2(v - shift x u), u the mean user vector made a
 * unit vector. A masked id leaves an item near everybody: unmoved, new items take more places than they earn. The higher the
 * shift, the fewer.
 *
 * @param itemVectors I x dimension, unit vectors; not changed.
 * @param userMeans U x dimension.
 */
export function shiftNewItems(
  itemVectors: Float32Array,
  isNew: Uint8Array,
  userMeans: Float32Array,
  dimension: number,
  shift: number,
): Float32Array {
  if (shift === 0) return itemVectors;
  const mean = new Float32Array(dimension);
  for (let at = 0; at < userMeans.length; at += dimension) {
    for (let d = 0; d < dimension; d++) mean[d]! += userMeans[at + d]!;
  }
  normaliseRows(mean, dimension);
  const shifted = itemVectors.slice();
  isNew.forEach((is, item) => {
    if (is === 0) return;
    const row = shifted.subarray(item * dimension, (item + 1) * dimension);
    for (let d = 0; d < dimension; d++) row[d]! -= shift * mean[d]!;
    normaliseRows(row, dimension);
  });
  return shifted;
}
