import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RowPositions } from './row-positions';

describe('RowPositions', () => {
  it('numbers rows in the order in which they are met, as a Map does, whatever room it was given', () => {
    const rows = fc.array(fc.oneof(fc.integer({ min: 0, max: 2 ** 32 - 2 }), fc.integer({ min: 0, max: 40 })));
    fc.assert(
      fc.property(rows, fc.integer({ min: 0, max: 100 }), (met, expected) => {
        const map = new Map<number, number>();
        for (const row of met) if (!map.has(row)) map.set(row, map.size);
        const positions = new RowPositions(expected);
        expect(met.map((row) => positions.of(row))).toEqual(met.map((row) => map.get(row)));
        expect([...positions.rows()]).toEqual([...map.keys()]);
        expect(positions.size).toBe(map.size);
      }),
    );
  });

  it('numbers a million rows that follow one another, from little room', () => {
    const positions = new RowPositions(4);
    let wrong = 0;
    for (let row = 0; row < 1_000_000; row++) if (positions.of(row) !== row) wrong++;
    expect(wrong).toBe(0);
  });
});
