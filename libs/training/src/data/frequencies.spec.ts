import { expect, it } from 'vitest';
import { logChance, sharesOf } from './frequencies';

it('shares add up to one', () => {
  expect([...sharesOf([0, 2, 2, 2], 4)]).toEqual([0.25, 0, 0.75, 0]);
});

it('the chance to be drawn counts both kinds of draws', () => {
  const shares = Float64Array.of(0.25, 0.75, 0, 0);
  const chance = (drawn: number, uniform: number) => {
    const log = logChance(shares, drawn, uniform);
    return [0, 1, 2].map((row) => Math.exp(log(row)));
  };
  expect(chance(1, 0)[0]).toBeCloseTo(0.25, 12);
  expect(chance(2, 0)[1]).toBeCloseTo(1 - 0.25 ** 2, 12);
  expect(chance(0, 2)[2]).toBeCloseTo(1 - 0.75 ** 2, 12);
  expect(chance(2, 1)[0]).toBeCloseTo(1 - 0.75 ** 2 * 0.75, 12);
  expect(logChance(shares, 5, 0)(2)).toBe(-30);
  const only = Float64Array.of(1);
  expect(logChance(only, 1, 0)(0)).toBeCloseTo(0, 11);
  expect(logChance(only, 0, 1)(0)).toBeCloseTo(0, 11);
});
