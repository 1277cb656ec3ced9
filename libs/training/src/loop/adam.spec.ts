import { Random } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import { LazyAdam } from './adam';

const OPTIONS = { beta1: 0.9, beta2: 0.999 };

/** Adam as the paper writes it (algorithm 1), in float64, for one number. */
function oracle(start: number, gradients: readonly number[], rate: number): number {
  let [x, m, v] = [start, 0, 0];
  gradients.forEach((g, i) => {
    m = OPTIONS.beta1 * m + (1 - OPTIONS.beta1) * g;
    v = OPTIONS.beta2 * v + (1 - OPTIONS.beta2) * g * g;
    const mHat = m / (1 - OPTIONS.beta1 ** (i + 1));
    const vHat = v / (1 - OPTIONS.beta2 ** (i + 1));
    x -= (rate * mHat) / (Math.sqrt(vHat) + 1e-8);
  });
  return x;
}

describe('LazyAdam', () => {
  it('is Adam for rows that are updated in every step', () => {
    const random = new Random(1);
    const start = Array.from({ length: 6 }, () => random.normal());
    const steps = Array.from({ length: 20 }, () => Array.from({ length: 6 }, () => random.normal()));
    const adam = new LazyAdam(Float32Array.from(start), 2, OPTIONS);
    steps.forEach((gradients, i) => {
      adam.update(Uint32Array.of(0, 1, 2), Float32Array.from(gradients), 0.01, i + 1);
    });
    start.forEach((x, d) => {
      expect(adam.values[d]).toBeCloseTo(
        oracle(
          x,
          steps.map((gradients) => gradients[d]!),
          0.01,
        ),
        5,
      );
    });
  });

  it('moves by the learning rate in the first step, against the sign of the gradient', () => {
    const adam = new LazyAdam(new Float32Array(2), 2, OPTIONS);
    adam.update(Uint32Array.of(0), Float32Array.of(5, -0.001), 0.1, 1);
    expect(adam.values[0]).toBeCloseTo(-0.1, 5);
    expect(adam.values[1]).toBeCloseTo(0.1, 4);
  });

  it('leaves rows alone that are not named, and takes gradients in the order of the rows', () => {
    const adam = new LazyAdam(Float32Array.of(1, 2, 3), 1, OPTIONS);
    adam.update(Uint32Array.of(2, 0), Float32Array.of(1, -1), 0.5, 1);
    expect([...adam.values].map((value) => Math.round(value * 1000) / 1000)).toEqual([1.5, 2, 2.5]);
  });
});
