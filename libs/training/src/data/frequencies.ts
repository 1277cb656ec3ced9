/** log of the chance that a row is among some draws, by row. */
export type LogChance = (row: number) => number;

/** Share of the draws that each row has. */
export function sharesOf(rows: Iterable<number>, rowCount: number): Float64Array {
  const shares = new Float64Array(rowCount);
  let total = 0;
  for (const row of rows) {
    shares[row]!++;
    total++;
  }
  return shares.map((count) => count / Math.max(1, total));
}

/**
 * log(1 - (1 - share)^drawn (1 - 1 / rows)^uniform): the chance that a row is among `drawn` draws by share and `uniform`
 * draws at random, at least e^-30.
 */
export function logChance(shares: Float64Array, drawn: number, uniform: number): LogChance {
  // Of a single row log1p is -Infinity, which no draws make NaN.
  const missed = uniform === 0 ? 0 : uniform * Math.log1p(-1 / shares.length);
  return (row) => {
    const never = drawn * Math.log1p(-Math.min(shares[row]!, 1 - 1e-12)) + missed;
    return Math.max(-30, Math.log(-Math.expm1(never)));
  };
}
