/**
 * Scales every row of `matrix` (row-major, `dimension` columns) to unit length, in place. A row of zeros stays zero.
 *
 * @returns the same array.
 */
export function normaliseRows(matrix: Float32Array, dimension: number): Float32Array {
  for (let start = 0; start < matrix.length; start += dimension) {
    const end = start + dimension;
    let squares = 0;
    for (let i = start; i < end; i++) squares += matrix[i]! * matrix[i]!;
    if (squares === 0) continue;
    const scale = 1 / Math.sqrt(squares);
    for (let i = start; i < end; i++) matrix[i]! *= scale;
  }
  return matrix;
}
