import type { TowerSignature } from '@mic/features';
import { normaliseRows } from '@mic/vectors';

/**
 * Vectors as they come out of a tower, made unit vectors in place where the signature says so.
 *
 * @returns what is wrong with them, null when nothing is: a wrong number of values, NaN, or a length of 0 or infinity where
 *   they are made unit vectors.
 */
export function finishVectors(
  vectors: Float32Array,
  rows: number,
  { dimension, normalise }: Pick<TowerSignature, 'dimension' | 'normalise'>,
): string | null {
  if (vectors.length !== rows * dimension) return `gave ${vectors.length} values, not ${rows * dimension}`;
  if (normalise) {
    normaliseRows(vectors, dimension);
    for (let from = 0; from < vectors.length; from += dimension) {
      if (vectors.subarray(from, from + dimension).every((value) => value === 0)) return 'gave a vector of length 0';
    }
  }
  return vectors.some(Number.isNaN) ? 'gave NaN' : null;
}
