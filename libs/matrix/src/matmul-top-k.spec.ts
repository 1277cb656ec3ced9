import { Random } from '@mic/domain';
import { exactTopK, normaliseRows } from '@mic/vectors';
import { describe, expect, it } from 'vitest';
import { matmulTopK } from './matmul-top-k';

const D = 8;
const vectors = (count: number, seed: number): Float32Array => {
  const random = new Random(seed);
  const values = Float32Array.from({ length: count * D }, () => random.normal());
  normaliseRows(values, D);
  return values;
};

describe('matmulTopK', () => {
  it.each([
    [700, 9_000, 20],
    [3, 5, 20],
    [1, 8_192, 1],
  ])('%i queries over %i rows: the rows of the plain search', async (queryCount, rowCount, k) => {
    const queries = vectors(queryCount, 1);
    const request = { queries, queryCount, matrix: vectors(rowCount, 2), rowCount, dimension: D, k };
    const exclude = (query: number) => Uint32Array.of(query % rowCount, (query * 7) % rowCount);
    const [fast, plain] = [await matmulTopK({ ...request, exclude }), exactTopK({ ...request, exclude })];
    expect(fast.offsets).toEqual(plain.offsets);
    expect(fast.rows).toEqual(plain.rows);
    fast.scores.forEach((score, i) => {
      expect(Math.abs(score - plain.scores[i]!)).toBeLessThan(1e-6);
    });
  });

  it('leaves each row out of its own list', async () => {
    const matrix = vectors(600, 3);
    const request = { queries: matrix, queryCount: 600, matrix, rowCount: 600, dimension: D, k: 5, excludeSelf: true };
    expect((await matmulTopK(request)).rows).toEqual(exactTopK(request).rows);
  });
});
