import { expect, it } from 'vitest';
import { learningRateAt } from './learning-rate';

const LINEAR = { learningRate: 1, warmUp: 4 / 23, schedule: 'linear', finalRate: 0.1 } as const;

it('rises to the highest rate, then falls in a line to the last step', () => {
  const rates = Array.from({ length: 23 }, (_, step) => learningRateAt(step, 23, LINEAR));
  expect(rates.slice(0, 5)).toEqual([0.25, 0.5, 0.75, 1, 1]);
  expect(rates[13]).toBeCloseTo(0.55, 12); // half of the 18 steps from 4 to 22
  expect(rates[22]).toBeCloseTo(0.1, 12);
});

it('falls along half a cosine', () => {
  const rates = Array.from({ length: 23 }, (_, step) => learningRateAt(step, 23, { ...LINEAR, schedule: 'cosine' }));
  expect(rates[4]).toBe(1);
  expect(rates[13]).toBeCloseTo(0.55, 12);
  expect(rates[10]).toBeCloseTo(0.1 + 0.9 * 0.75, 12); // a third of the way: (1 + cos 60 degrees) / 2
  expect(rates[22]).toBeCloseTo(0.1, 12);
});

it('a run too short to warm up begins at the highest rate', () => {
  expect(learningRateAt(0, 5, LINEAR)).toBe(1);
  expect(learningRateAt(0, 1, LINEAR)).toBe(1);
});
