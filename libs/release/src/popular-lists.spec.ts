import { NO_ROW } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import { PopularLists } from './popular-lists';

describe('PopularLists', () => {
  it('gives views without their padding', () => {
    const rows = Uint32Array.of(4, 2, 0, 2, NO_ROW, NO_ROW, NO_ROW, NO_ROW, NO_ROW);
    const popular = new PopularLists(rows, 3);
    expect([0, 1, 2, 3].map((category) => [...popular.of(category)])).toEqual([[4, 2, 0], [2], [], []]);
    expect(popular.of(1).buffer).toBe(rows.buffer);
  });

  it('gives nothing where there are no lists, and for what is no category', () => {
    expect(new PopularLists(new Uint32Array(), 0).of(0)).toHaveLength(0);
    const popular = new PopularLists(Uint32Array.of(1, 0), 2);
    for (const category of [-1, 0.5, NaN, Infinity, 1]) expect(popular.of(category)).toHaveLength(0);
  });
});
