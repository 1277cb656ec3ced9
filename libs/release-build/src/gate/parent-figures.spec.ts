import { expect, it } from 'vitest';
import { hitRatio } from './parent-figures';

const lists = (count: number, ...list: string[]) => Array.from({ length: count }, () => list);
const users = (...heldOut: (string | null)[]) => heldOut.map((id) => ({ heldOut: id }));
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

it('counts hits on items that both have learnt, over the parent’s', () => {
  // 30 events of a, 10 of b, which only one has learnt: own hits 30 and 10, the parent 25 and none.
  const held = users(...times(30, 'a'), ...times(10, 'b'), null);
  const parent = [...lists(25, 'a'), ...lists(16, 'c')];
  expect(hitRatio(lists(41, 'a', 'b'), parent, held, (id) => id === 'a')).toBe(30 / 25);
  expect(hitRatio(lists(41, 'a', 'b'), parent, held, () => true)).toBe(40 / 25);
});

it('says why there is no ratio', () => {
  const missing = (heldOut: string | null) =>
    hitRatio(lists(1, 'a'), lists(1, 'a'), users(heldOut), (id) => id === 'a');
  expect(missing(null)).toEqual({ missing: 'training has seen every event: no user has one that is held out' });
  expect(missing('b')).toEqual({ missing: 'the parent hits 0 of 0 held-out events of items that both have learnt' });
});
