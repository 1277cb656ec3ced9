import { expect, it } from 'vitest';
import { learningRateAt } from './learning-rate';

const RATES = { learningRate: 1, warmUpSteps: 4, finalRate: 0.1 };

it('rises to the highest rate, then falls in a line to the last step', () => {
  const rates = Array.from({ length: 23 }, (_, step) => learningRateAt(step, 23, RATES));
  expect(rates.slice(0, 5)).toEqual([0.25, 0.5, 0.75, 1, 1]);
  expect(rates[13]).toBeCloseTo(0.55, 12); // half of the 18 steps from 4 to 22
  expect(rates[22]).toBeCloseTo(0.1, 12);
});

it('warms up over a quarter of a short run at most', () => {
  expect(learningRateAt(1, 8, RATES)).toBe(1);
  expect(learningRateAt(0, 1, RATES)).toBe(1);
});
