/**
 * How a term of the score is put on a scale before it is weighted.
 * raw: as it is. unit: to 0 .. 1 (see each term). zscore: mean 0 and deviation 1 within the request.
 * fraction: share of the other candidates.
 */
export type BasicScale = 'raw' | 'unit' | 'zscore';
export type RepetitionScale = 'raw' | 'unit' | 'zscore';
export type DiversityScale = 'raw' | 'fraction' | 'zscore';

/** (x - smallest) / (largest - smallest); all 0 where every value is the same. */
export function minMax(values: Float32Array): Float32Array {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return high > low ? scaled(values, low, high - low) : new Float32Array(values.length);
}

/**
 * (x - mean) / population standard deviation; all 0 where every value is the same. Sums run over sorted values: the result
 * does not depend on the order of the input, to the last bit.
 */
export function zScore(values: Float32Array): Float32Array {
  const sorted = values.slice().sort();
  let sum = 0;
  for (const value of sorted) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of sorted) squares += (value - mean) ** 2;
  const deviation = Math.sqrt(squares / values.length);
  // Rounding leaves equal values a deviation of some 1e-8 of their size.
  return deviation > 1e-7 * Math.max(1, Math.abs(mean))
    ? scaled(values, mean, deviation)
    : new Float32Array(values.length);
}

/** x / largest for values of 0 or more; all 0 where every value is 0. */
export function shareOfLargest(values: Float32Array): Float32Array {
  let largest = 0;
  for (const value of values) if (value > largest) largest = value;
  return largest > 0 ? divided(values, largest) : new Float32Array(values.length);
}

/** x / divisor. */
export function divided(values: Float32Array, divisor: number): Float32Array {
  return scaled(values, 0, divisor);
}

/** (x - from) / range. A loop: the callbacks of Float32Array.map cost several times as much. */
function scaled(values: Float32Array, from: number, range: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) result[i] = (values[i]! - from) / range;
  return result;
}
