/** a [m, k] x b [k, n], all row-major float32. */
export type Multiply = (a: Float32Array, b: Float32Array, m: number, k: number, n: number) => Promise<Float32Array>;

/** Rows and columns that are eliminated at a time. */
const BLOCK = 256;
/** Rows whose products are in memory at a time. */
const STRIPE = 1024;

/**
 * The inverse of a symmetric positive definite matrix, in place: Gauss-Jordan elimination by blocks, so that nearly all of
 * the work is matrix products.
 *
 * @param matrix n x n, row-major.
 * @param onProgress called with the rows done.
 */
export async function invertInPlace(
  matrix: Float32Array,
  n: number,
  multiply: Multiply,
  onProgress: (done: number, total: number) => void = () => undefined,
): Promise<void> {
  for (let from = 0; from < n; from += BLOCK) {
    const size = Math.min(BLOCK, n - from);
    const pivot = new Float32Array(size * size);
    for (let i = 0; i < size; i++) {
      pivot.set(matrix.subarray((from + i) * n + from, (from + i) * n + from + size), i * size);
    }
    const inverse = invertSmall(pivot, size);
    const rows = await multiply(inverse, matrix.slice(from * n, (from + size) * n), size, size, n);
    for (let i = 0; i < size; i++) rows.set(inverse.subarray(i * size, (i + 1) * size), i * n + from);
    for (let first = 0; first < n; first += STRIPE) {
      const count = Math.min(STRIPE, n - first);
      const column = new Float32Array(count * size);
      for (let i = 0; i < count; i++) {
        const at = (first + i) * n + from;
        column.set(matrix.subarray(at, at + size), i * size);
        matrix.fill(0, at, at + size);
      }
      const product = await multiply(column, rows, count, size, n);
      for (let i = 0; i < count; i++) {
        const row = first + i;
        if (row >= from && row < from + size) continue;
        for (let j = 0, at = row * n; j < n; j++, at++) matrix[at]! -= product[i * n + j]!;
      }
    }
    matrix.set(rows, from * n);
    onProgress(from + size, n);
  }
}

/** The inverse of a small positive definite matrix, in float64 (Gauss-Jordan). */
function invertSmall(matrix: Float32Array, n: number): Float32Array {
  const a = Float64Array.from(matrix);
  for (let k = 0; k < n; k++) {
    const scale = 1 / a[k * n + k]!;
    a[k * n + k] = 1;
    for (let j = 0; j < n; j++) a[k * n + j]! *= scale;
    for (let i = 0; i < n; i++) {
      if (i === k) continue;
      const factor = a[i * n + k]!;
      if (factor === 0) continue;
      a[i * n + k] = 0;
      for (let j = 0; j < n; j++) a[i * n + j]! -= factor * a[k * n + j]!;
    }
  }
  return Float32Array.from(a);
}
