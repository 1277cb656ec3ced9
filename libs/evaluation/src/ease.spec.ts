import { Random, type HistoryTable } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import { easeRecommender, easeWeights } from './ease';
import { invertInPlace, type Multiply } from './invert';

const multiply: Multiply = (a, b, m, k, n) => {
  const product = new Float32Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let x = 0; x < k; x++) {
      const factor = a[i * k + x]!;
      for (let j = 0; j < n; j++) product[i * n + j]! += factor * b[x * n + j]!;
    }
  }
  return Promise.resolve(product);
};

describe('invertInPlace', () => {
  it.each([3, 256, 300])('inverts a matrix of %i rows', async (n) => {
    const random = new Random(n);
    const factor = Float32Array.from({ length: n * 8 }, () => random.normal());
    const matrix = new Float32Array(n * n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        for (let d = 0; d < 8; d++) matrix[i * n + j]! += factor[i * 8 + d]! * factor[j * 8 + d]!;
      }
      matrix[i * n + i]! += 5;
    }
    const inverse = matrix.slice();
    let done = 0;
    await invertInPlace(inverse, n, multiply, (rows) => (done = rows));
    const identity = await multiply(matrix, inverse, n, n, n);
    identity.forEach((value, at) => {
      expect(Math.abs(value - (Math.floor(at / n) === at % n ? 1 : 0))).toBeLessThan(1e-3);
    });
    expect(done).toBe(n);
  });
});

describe('EASE', () => {
  /** Users with items {0, 1}, {0, 1}, {1, 2}. */
  const histories: HistoryTable = {
    userCount: 3,
    itemCount: 3,
    offsets: Uint32Array.of(0, 2, 4, 6),
    itemRows: Uint32Array.of(0, 1, 0, 1, 2, 1),
    timesMs: new Float64Array(6),
    weights: new Float32Array(6).fill(1),
  };

  it('has the weights of the closed form', async () => {
    const weights = await easeWeights(histories, { lambda: 1, multiply });
    // G = [[3, 2, 0], [2, 4, 1], [0, 1, 2]], |G| = 13; P = [[7, -4, 2], [-4, 6, -3], [2, -3, 8]] / 13
    const expected = [0, 4 / 6, -2 / 8, 4 / 7, 0, 3 / 8, -2 / 7, 3 / 6, 0];
    weights.forEach((weight, i) => {
      expect(weight).toBeCloseTo(expected[i]!, 5);
    });
  });

  it('ranks what the history speaks for, newer events more', () => {
    // a user with item 0 (older), which speaks for 2, and item 1 (newer), which speaks for 3
    const weights = new Float32Array(16);
    weights[0 * 4 + 2] = 1;
    weights[1 * 4 + 3] = 0.8;
    const historyOf = () => Uint32Array.of(0, 1);
    const ranked = (recency: number, k = 2, maskedItems = historyOf) => [
      ...easeRecommender(weights, { k, recency, historyOf, maskedItems })(0),
    ];
    expect(ranked(1)).toEqual([2, 3]);
    expect(ranked(0.5)).toEqual([3, 2]);
    expect(ranked(1, 9, () => new Uint32Array(0))).toEqual([2, 3, 0, 1]);
  });
});
