/**
 * Dot product of row `rowA` of `a` and row `rowB` of `b` (row-major, `dimension` columns), summed in float64 over four
 * accumulators so that additions do not wait for one another.
 */
export function dot(a: Float32Array, rowA: number, b: Float32Array, rowB: number, dimension: number): number {
  let i = rowA * dimension;
  let j = rowB * dimension;
  const end = i + dimension;
  const unrolledEnd = end - (dimension & 3);
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  for (; i < unrolledEnd; i += 4, j += 4) {
    s0 += a[i]! * b[j]!;
    s1 += a[i + 1]! * b[j + 1]!;
    s2 += a[i + 2]! * b[j + 2]!;
    s3 += a[i + 3]! * b[j + 3]!;
  }
  for (; i < end; i++, j++) s0 += a[i]! * b[j]!;
  return s0 + s1 + (s2 + s3);
}
