/** P(right | x) = 1 / (1 + exp(-scale x - offset)). */
export interface Logistic {
  readonly scale: number;
  readonly offset: number;
}

const ROUNDS = 25;
/** Added to the second derivatives, so that a step exists where all x are alike. */
const RIDGE = 1e-6;

/** Logistic regression of one variable by Newton's method (Platt scaling). @param labels 0 or 1 */
export function learnLogistic(values: readonly number[], labels: readonly number[]): Logistic {
  let [scale, offset] = [0, 0];
  for (let round = 0; round < ROUNDS; round++) {
    let [g0, g1, h00, h01, h11] = [0, 0, RIDGE, 0, RIDGE];
    values.forEach((x, i) => {
      const p = 1 / (1 + Math.exp(-scale * x - offset));
      const weight = p * (1 - p);
      g0 += labels[i]! - p;
      g1 += (labels[i]! - p) * x;
      h00 += weight;
      h01 += weight * x;
      h11 += weight * x * x;
    });
    const determinant = h00 * h11 - h01 * h01;
    const clip = (step: number): number => Math.max(-5, Math.min(5, step));
    offset += clip((h11 * g0 - h01 * g1) / determinant);
    scale += clip((h00 * g1 - h01 * g0) / determinant);
  }
  return { scale, offset };
}
