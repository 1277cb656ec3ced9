import { NO_ROW } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import { Eligibility, type EligibilityRules } from './eligibility';
import { Items, NO_LIVE_ITEMS } from './items';
import { tinyCatalog } from './testing/tiny-world';
import type { ItemCatalog } from './ports';

const CANDIDATES = [0, 1, 2, 3, 4, 5, 6, NO_ROW];
const tiny = (rules: EligibilityRules, items = new Items(tinyCatalog())): Eligibility => new Eligibility(items, rules);
const eligible = (eligibility: Eligibility): number[] => CANDIDATES.filter((row) => eligibility.has(row));

/** A catalogue of a million items: every thousandth is of category 1, every second of the others of category 2. */
const million: ItemCatalog = {
  ...tinyCatalog(),
  itemCount: 1_000_000,
  categories: Uint32Array.from({ length: 1_000_000 }, (_, row) => (row % 1_000 === 0 ? 1 : 2 + (row % 2))),
};
const large = (rules: EligibilityRules): Eligibility => new Eligibility(new Items(million), rules);

describe('Eligibility', () => {
  it.each<[string, EligibilityRules, number[]]>([
    ['nothing asked', {}, [0, 1, 2, 3, 4, 5]],
    ['seen and excluded rows', { seen: [1, NO_ROW], excluded: [3, 77] }, [0, 2, 4, 5]],
    ['categories', { categories: ['one', 'three', 'nowhere'] }, [0, 1, 4]],
    ['a category that nobody knows', { categories: ['nowhere'] }, []],
    ['items named', { only: [5, 1, NO_ROW], seen: [1] }, [5]],
    ['items named, of some categories', { only: [0, 2, 4], categories: ['one', 'two'] }, [0, 2]],
  ])('%s', (_what, rules, rows) => {
    const eligibility = tiny(rules);
    expect(eligible(eligibility)).toEqual(rows);
    expect([...eligibility.rows()]).toEqual(rows);
    expect(eligibility.count).toBe(rows.length);
  });

  it('knows live items, hidden ones, and those that changed their category', () => {
    const items = new Items(tinyCatalog(), {
      ...NO_LIVE_ITEMS,
      newItems: [
        { itemId: 'x', category: 'one' },
        { itemId: 'y', category: 'four' },
      ],
      vectors: Float32Array.of(1, 0, 0, 1),
      categories: new Map([
        [1, 'two'],
        [5, 'one'],
      ]),
      hiddenIds: ['a', 'y', 'nobody'],
    });
    expect(eligible(tiny({}, items))).toEqual([1, 2, 3, 4, 5, 6]);
    expect(tiny({}, items).count).toBe(6);
    expect([...tiny({ categories: ['one'] }, items).rows()]).toEqual([5, 6]);
    expect(tiny({ categories: ['one'] }, items).count).toBe(2);
    expect([...tiny({ categories: ['two', 'four'] }, items).rows()]).toEqual([1, 2, 3]);
    expect(tiny({ categories: ['two', 'four'], seen: [2] }, items).count).toBe(2);
  });

  it('says why not', () => {
    const items = new Items(tinyCatalog(), { ...NO_LIVE_ITEMS, hiddenIds: ['e'] });
    const eligibility = tiny({ seen: [0, 4], excluded: [1], categories: ['one', 'two', 'three'] }, items);
    expect([0, 1, 2, 3, 4, 5].map((row) => eligibility.against(row))).toEqual([
      'SEEN',
      'EXCLUDED',
      null,
      null,
      'HIDDEN',
      'FILTERED',
    ]);
  });

  it('notes what it says no to', () => {
    const refused = new Set<number>();
    const eligibility = tiny({ seen: [0] }).noting(refused);
    expect(eligible(eligibility)).toEqual([1, 2, 3, 4, 5]);
    expect([...refused]).toEqual([0, 6, NO_ROW]);
  });
});

describe('the plan of a search', () => {
  it('asks for the barred items on top', () => {
    expect(large({ seen: [1, 2, 3], excluded: [4] }).planFor(200)).toEqual({ kind: 'search', k: 204 });
  });

  it('asks for the share of what passes a filter, and a fifth more', () => {
    // 499,500 of a million pass: 200 / .4995 * 1.2 = 480.5
    expect(large({ seen: [1, 2, 3], categories: ['three'] }).planFor(200)).toEqual({ kind: 'search', k: 484 });
  });

  it('looks at everything that passes where that is little', () => {
    expect(large({ categories: ['one'] }).planFor(200)).toEqual({ kind: 'scan' });
    expect(tiny({ categories: ['two'] }).planFor(2)).toEqual({ kind: 'scan' });
  });

  it('asks an index for no more than it gives', () => {
    expect(large({}).planFor(20_000)).toEqual({ kind: 'search', k: 10_000 });
    // 1.2 * 9,000 / .4995 is beyond it: everything that passes is looked at
    expect(large({ categories: ['three'] }).planFor(9_000)).toEqual({ kind: 'scan' });
  });

  it('asks for no more than there is', () => {
    expect(tiny({ seen: [1] }).planFor(200)).toEqual({ kind: 'search', k: 6 });
  });

  it('gives up where nothing passes', () => {
    expect(tiny({ categories: ['nowhere'] }).planFor(2)).toEqual({ kind: 'none' });
    expect(tiny({ seen: [0, 1, 2, 3, 4, 5] }).planFor(2)).toEqual({ kind: 'none' });
  });
});
