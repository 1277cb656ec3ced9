/**
 * The vectors of some rows in memory of their own, in the order of the rows.
 *
 * @param vectors count x dimension, row-major. @param rows each below count.
 */
export function vectorsOfRows(vectors: Float32Array, dimension: number, rows: ArrayLike<number>): Float32Array {
  const gathered = new Float32Array(rows.length * dimension);
  for (let i = 0; i < rows.length; i++) {
    const start = rows[i]! * dimension;
    gathered.set(vectors.subarray(start, start + dimension), i * dimension);
  }
  return gathered;
}
