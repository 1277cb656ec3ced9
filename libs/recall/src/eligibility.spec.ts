import { NO_ROW } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import { Eligibility } from './eligibility';
import { tinyCatalog } from './testing/tiny-world';
import type { ItemCatalog } from './ports';

/** A catalogue of a million items, of which every thousandth is of category 1. */
const million = (): ItemCatalog => ({
  ...tinyCatalog(),
  itemCount: 1_000_000,
  categories: Uint32Array.from({ length: 1_000_000 }, (_, row) => (row % 1_000 === 0 ? 1 : 2)),
});

describe('Eligibility', () => {
  it('bars rows, other categories, and rows beyond the catalogue', () => {
    const eligible = (categories: string[]): number[] => {
      const eligibility = new Eligibility(tinyCatalog(), [1, NO_ROW], categories);
      return [0, 1, 2, 3, 4, 5, 6, NO_ROW].filter((row) => eligibility.has(row));
    };
    expect(eligible([])).toEqual([0, 2, 3, 4, 5]);
    expect(eligible(['one', 'three', 'nowhere'])).toEqual([0, 4]);
    expect(eligible(['nowhere'])).toEqual([]);
  });

  it('asks for the barred items on top, and for the share of the wanted categories', () => {
    expect(new Eligibility(tinyCatalog(), [1, NO_ROW], []).overFetch(2)).toBe(3);
    // 2 of 6 items are of the category: 2 / (2 / 6) = 6, 1 barred, no more than there are
    expect(new Eligibility(tinyCatalog(), [5], ['two']).overFetch(1)).toBe(4);
    expect(new Eligibility(tinyCatalog(), [5], ['two']).overFetch(2)).toBe(6);
    expect(new Eligibility(tinyCatalog(), [], ['nowhere']).overFetch(2)).toBe(0);
  });

  it('does not read a whole catalogue for a rare category, and never less than the barred items need', () => {
    expect(new Eligibility(million(), [1, 2, 3], []).overFetch(200)).toBe(203);
    expect(new Eligibility(million(), [1, 2, 3], ['one']).overFetch(5)).toBe(5_003);
    expect(new Eligibility(million(), [1, 2, 3], ['one']).overFetch(200)).toBe(10_203);
  });
});
