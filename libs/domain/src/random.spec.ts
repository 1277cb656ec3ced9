import { describe, expect, it } from 'vitest';
import { Random } from './random';

const take = (seed: number, count: number): number[] => {
  const random = new Random(seed);
  return Array.from({ length: count }, () => random.next());
};

describe('Random', () => {
  it('gives the same numbers for the same seed and stream, others for others', () => {
    expect(take(1, 50)).toEqual(take(1, 50));
    expect(take(1, 50)).not.toEqual(take(2, 50));
    expect(new Random(1, 1).next()).not.toBe(new Random(1, 2).next());
  });

  it('is uniform to three standard errors', () => {
    const values = take(3, 10_000);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan((3 * Math.sqrt(1 / 12)) / 100);
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
  });

  it('draws normal numbers of mean 0 and variance 1', () => {
    const random = new Random(4);
    const values = Array.from({ length: 10_000 }, () => random.normal());
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + value * value, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(3 * Math.sqrt(2 / 10_000));
  });
});

describe('shuffle', () => {
  it('keeps every value', () => {
    const values = Uint32Array.from({ length: 100 }, (_, i) => i);
    new Random(5).shuffle(values);
    expect([...values]).not.toEqual([...values].sort((a, b) => a - b));
    expect([...values].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });
});
