import { describe, expect, it } from 'vitest';
import { UniqueRows } from './unique-rows';

describe('UniqueRows', () => {
  it('numbers rows as they come, the mask row first', () => {
    const rows = new UniqueRows(10);
    expect([7, 3, 7, 0, 9].map((row) => rows.localOf(row))).toEqual([1, 2, 1, 0, 3]);
    expect([...rows.rows]).toEqual([0, 7, 3, 9]);
    const table = Float32Array.from({ length: 20 }, (_, i) => i);
    expect([...rows.gather(table, 2)]).toEqual([0, 1, 14, 15, 6, 7, 18, 19]);
  });

  it('forgets on reset and grows beyond its first size', () => {
    const rows = new UniqueRows(5000);
    rows.localOf(4);
    rows.reset();
    expect([...rows.rows]).toEqual([0]);
    for (let row = 4999; row > 0; row--) rows.localOf(row);
    expect(rows.rows.length).toBe(5000);
    expect(rows.localOf(1)).toBe(4999);
  });
});
