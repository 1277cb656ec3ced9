/** Index of the first NaN or infinity, or -1. */
export function firstNonFinite(values: Float32Array): number {
  for (let i = 0; i < values.length; i++) {
    // x - x is 0 for every finite number and NaN otherwise.
    if (values[i]! - values[i]! !== 0) return i;
  }
  return -1;
}
