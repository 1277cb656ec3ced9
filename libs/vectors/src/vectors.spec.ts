import { describe, expect, it } from 'vitest';
import { dot, firstNonFinite, normaliseRows } from './index';

describe('dot', () => {
  it.each([1, 2, 3, 4, 5, 8, 11])('multiplies rows of %i columns', (dimension) => {
    const a = Float32Array.from({ length: dimension * 3 }, (_, i) => i - 4);
    const b = Float32Array.from({ length: dimension * 2 }, (_, i) => 2 * i + 1);
    let expected = 0;
    for (let d = 0; d < dimension; d++) expected += a[2 * dimension + d]! * b[dimension + d]!;
    expect(dot(a, 2, b, 1, dimension)).toBe(expected);
  });
});

describe('normaliseRows', () => {
  it('scales rows to length 1 in place and keeps zero rows', () => {
    const matrix = Float32Array.of(3, 4, 0, 0, 0, -2);
    expect(normaliseRows(matrix, 2)).toBe(matrix);
    expect([...matrix]).toEqual([Math.fround(0.6), Math.fround(0.8), 0, 0, 0, -1]);
  });

  it('does not overflow or underflow at the ends of float32', () => {
    expect([...normaliseRows(Float32Array.of(3e38, 0, 0, 1e-40), 2)]).toEqual([1, 0, 0, 1]);
  });
});

describe('firstNonFinite', () => {
  it('finds NaN and infinities, and nothing in finite numbers', () => {
    expect(firstNonFinite(Float32Array.of(0, -1, 3e38))).toBe(-1);
    expect(firstNonFinite(Float32Array.of(0, NaN, Infinity))).toBe(1);
    expect(firstNonFinite(Float32Array.of(0, 1, -Infinity))).toBe(2);
    expect(firstNonFinite(new Float32Array(0))).toBe(-1);
  });
});
