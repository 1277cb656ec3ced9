import { describe, expect, it } from 'vitest';
import { MicError, type ScoredLists } from '@mic/domain';
import { exactTopK, type ExactTopKRequest } from './exact-top-k';

/** Numbers in -4 .. 4: dot products are exact integers, so ties are frequent and the oracle is exact. */
function integers(count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * 9) - 4;
  });
}

function bruteForce({ queries, queryCount, matrix, rowCount, dimension, k, exclude, excludeSelf }: ExactTopKRequest) {
  return Array.from({ length: queryCount }, (_, q) =>
    Array.from({ length: rowCount }, (_, row) => {
      let score = 0;
      for (let d = 0; d < dimension; d++) score += queries[q * dimension + d]! * matrix[row * dimension + d]!;
      return { row, score };
    })
      .filter(({ row }) => !(exclude?.(q)?.includes(row) ?? false) && !(excludeSelf && row === q))
      .sort((a, b) => b.score - a.score || a.row - b.row)
      .slice(0, k),
  );
}

function unpack({ offsets, rows, scores }: ScoredLists) {
  return Array.from({ length: offsets.length - 1 }, (_, list) =>
    Array.from({ length: offsets[list + 1]! - offsets[list]! }, (_, i) => ({
      row: rows[offsets[list]! + i]!,
      score: scores[offsets[list]! + i]!,
    })),
  );
}

function request(queryCount: number, rowCount: number, dimension: number, k: number): ExactTopKRequest {
  const queries = integers(queryCount * dimension, 1);
  const matrix = integers(rowCount * dimension, 2);
  return { queries, queryCount, matrix, rowCount, dimension, k };
}

describe('exactTopK', () => {
  it('finds the rows of a hand-worked case', () => {
    const matrix = Float32Array.of(1, 0, 0, 1, 3, 4, 0, 1);
    const lists = exactTopK({
      queries: Float32Array.of(0, 2),
      queryCount: 1,
      matrix,
      rowCount: 4,
      dimension: 2,
      k: 3,
    });
    expect([...lists.offsets]).toEqual([0, 3]);
    expect([...lists.rows]).toEqual([2, 1, 3]);
    expect([...lists.scores]).toEqual([8, 2, 2]);
  });

  it.each([
    [1, 1, 1, 1],
    [1, 7, 3, 2],
    [2, 511, 5, 20],
    [9, 512, 4, 30],
    [17, 1031, 6, 100],
    [3, 40, 8, 40],
    [8, 2050, 1, 7],
  ])('agrees with brute force, ties included: %i queries, %i rows, %i columns, k %i', (queries, rows, dimension, k) => {
    const problem = request(queries, rows, dimension, k);
    expect(unpack(exactTopK(problem))).toEqual(bruteForce(problem));
  });

  it('gives every row when k is above the number of rows', () => {
    const problem = request(3, 10, 4, 1000);
    const lists = exactTopK(problem);
    expect([...lists.offsets]).toEqual([0, 10, 20, 30]);
    expect(unpack(lists)).toEqual(bruteForce(problem));
  });

  it('leaves out excluded rows, itself, and both', () => {
    const base = request(20, 1100, 4, 60);
    const square = { ...base, queries: base.matrix.slice(0, 20 * 4) };
    const exclude = (query: number) =>
      query % 3 === 0 ? undefined : Uint32Array.of(1099, query, 3, 512, 3, 0xffffffff, 700 + query);
    for (const problem of [
      { ...square, excludeSelf: true },
      { ...square, exclude },
      { ...square, exclude, excludeSelf: true },
    ]) {
      expect(unpack(exactTopK(problem))).toEqual(bruteForce(problem));
    }
  });

  it('gives shorter lists where exclusions leave fewer than k rows', () => {
    const problem = { ...request(3, 4, 2, 4), exclude: (query: number) => Uint32Array.of(0, 1, 2, 3).slice(query) };
    const lists = exactTopK(problem);
    expect([...lists.offsets]).toEqual([0, 0, 1, 3]);
    expect(lists.rows).toHaveLength(3);
    expect(unpack(lists)).toEqual(bruteForce(problem));
  });

  it('gives equal rows equal scores wherever they stand, lower row first', () => {
    const dimension = 7;
    const row = Float32Array.from({ length: dimension }, (_, i) => Math.sin(i + 1));
    const matrix = new Float32Array(1030 * dimension);
    for (let r = 0; r < 1030; r++) matrix.set(row, r * dimension);
    const query = Float32Array.from({ length: dimension }, (_, i) => Math.cos(3 * i));
    const lists = exactTopK({ queries: query, queryCount: 1, matrix, rowCount: 1030, dimension, k: 1030 });
    expect([...lists.rows]).toEqual(Array.from({ length: 1030 }, (_, r) => r));
    expect(new Set(lists.scores).size).toBe(1);
  });

  it('answers k 0 and no rows with empty lists', () => {
    expect([...exactTopK(request(2, 5, 3, 0)).offsets]).toEqual([0, 0, 0]);
    expect([...exactTopK(request(2, 0, 3, 5)).offsets]).toEqual([0, 0, 0]);
    expect([...exactTopK(request(0, 5, 3, 5)).offsets]).toEqual([0]);
  });

  it('reports progress up to the number of queries', () => {
    const seen: number[] = [];
    exactTopK({ ...request(19, 5, 3, 2), onProgress: (done) => seen.push(done) });
    expect(seen).toEqual([8, 16, 19]);
  });

  it.each([NaN, Infinity, -Infinity])('refuses %s in queries or matrix, naming the row', (value) => {
    const bad = request(2, 5, 3, 2);
    bad.matrix[7] = value;
    expect(() => exactTopK(bad)).toThrow(/matrix row 2 has the value/);
    const badQuery = request(2, 5, 3, 2);
    badQuery.queries[5] = value;
    expect(() => exactTopK(badQuery)).toThrow(/queries row 1 has the value/);
  });

  it('refuses wrong lengths and a negative or fractional k', () => {
    const problem = request(2, 5, 3, 2);
    expect(() => exactTopK({ ...problem, rowCount: 6 })).toThrow(MicError);
    expect(() => exactTopK({ ...problem, queryCount: 1 })).toThrow(/1 x 3 need 3/);
    expect(() => exactTopK({ ...problem, k: -1 })).toThrow(/k is -1/);
    expect(() => exactTopK({ ...problem, k: 1.5 })).toThrow(/k is 1.5/);
  });
});
