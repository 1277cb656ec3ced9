import { describe, expect, it } from 'vitest';
import { HashRows } from './hash-rows';
import { NO_ROW } from './interaction';
import { hashIds } from './item-hash';

describe('hashIds', () => {
  it('gives xxHash64 with seed 0, low word first', () => {
    // Published test vector: XXH64("", 0) = ef46db3751d8e999; XXH64("a", 0) = d24ec4f1a98c6e5b.
    const words = hashIds(['', 'a']);
    expect([...words].map((word) => word.toString(16))).toEqual(['51d8e999', 'ef46db37', 'a98c6e5b', 'd24ec4f1']);
  });
});

describe('HashRows', () => {
  it('finds every row and nothing else', () => {
    const ids = Array.from({ length: 5_000 }, (_, row) => `item-${row}`);
    const rows = new HashRows(hashIds(ids));
    expect([...rows.rowsOf(hashIds(ids))]).toEqual(ids.map((_, row) => row));
    const strangers = rows.rowsOf(hashIds(ids.map((id) => `${id}?`)));
    expect(strangers.every((row) => row === NO_ROW)).toBe(true);
  });

  it('probes past rows whose low words collide', () => {
    const rows = new HashRows(Uint32Array.of(8, 1, 8, 2, 8, 3));
    expect([rows.rowOf(8, 1), rows.rowOf(8, 2), rows.rowOf(8, 3), rows.rowOf(8, 4)]).toEqual([0, 1, 2, NO_ROW]);
  });

  it('refuses two rows with one hash and names them', () => {
    expect(() => new HashRows(Uint32Array.of(1, 2, 3, 4, 1, 2))).toThrow(/rows 0 and 2 have the same/);
  });

  it('is empty without rows', () => {
    expect(new HashRows(new Uint32Array(0)).rowOf(0, 0)).toBe(NO_ROW);
  });
});
