import { Random, type HistoryTable } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import { ItemUserLists } from './item-user-lists';

/** Item 0: users 0 and 1; item 1: user 1; item 2: nobody. */
const HISTORIES: HistoryTable = {
  userCount: 2,
  itemCount: 3,
  offsets: Uint32Array.of(0, 1, 3),
  itemRows: Uint32Array.of(0, 0, 1),
  timesMs: new Float64Array(3),
  weights: new Float32Array(3).fill(1),
};
/** Users with one event each, all of the same item. */
const oneItemOf = (users: number): HistoryTable => ({
  userCount: users,
  itemCount: 1,
  offsets: Uint32Array.from({ length: users + 1 }, (_, i) => i),
  itemRows: new Uint32Array(users),
  timesMs: new Float64Array(users),
  weights: new Float32Array(users).fill(1),
});
/** Mask row, user 0, user 1. */
const TABLE = Float32Array.of(9, 9, 2, 0, 4, 2);

function lists(seed = 1): ItemUserLists {
  const made = new ItemUserLists(HISTORIES, 2);
  made.refresh(TABLE, new Random(seed));
  return made;
}
const everything = Int32Array.of(-1, 0, 1, 2);
const known = (): boolean => false;
/** Means of items that are all known. */
const meansOf = (own: ItemUserLists, items: Int32Array, targetOf: [number, number[]][] = []): number[] => [
  ...own.meansWithout(items, new Map(targetOf), known, new Random(1)).means,
];

describe('ItemUserLists', () => {
  it('leaves one user at random out of each list; the mask row stands for nobody', () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 20; seed++) {
      const means = meansOf(lists(seed), everything);
      expect([...means.slice(0, 2), ...means.slice(4)]).toEqual([9, 9, 9, 9, 9, 9]);
      seen.add(means.slice(2, 4).join());
    }
    expect(seen).toEqual(new Set(['2,0', '4,2']));
  });

  it('leaves users out of the lists of their targets', () => {
    const own = lists();
    const means = (targetOf: [number, number[]][]) => meansOf(own, Int32Array.of(0, 1), targetOf);
    expect(means([[0, [1]]]).slice(0, 2)).toEqual([2, 0]);
    expect(means([[0, [0]]]).slice(0, 2)).toEqual([4, 2]);
    expect(means([[0, [0, 1]]]).slice(0, 2)).toEqual([9, 9]);
    // not in the list: as it is for everybody
    expect(means([[1, [0]]])).toEqual(means([]));
  });

  it('keeps the rows of the last refresh', () => {
    const own = new ItemUserLists(HISTORIES, 2);
    const table = TABLE.slice();
    own.refresh(table, new Random(1));
    const before = meansOf(own, everything, [[0, [0]]]);
    table.fill(7);
    expect(meansOf(own, everything, [[0, [0]]])).toEqual(before);
    expect(own.table).toEqual(TABLE);
  });

  it('samples a part of a list', () => {
    const own = lists();
    const sampled = (keep: number, user: number) => [...own.sampledWithout([0], [user], keep, known, new Random(1))];
    expect(sampled(1, -1)).toEqual([3, 1]);
    expect(sampled(1, 0)).toEqual([4, 2]);
    expect(sampled(0, -1)).toEqual([9, 9]);
  });

  it('gives an item that plays a new one 0 to 10 users, never the one that it is the target of', () => {
    const users = 12;
    // the row of a user is 1 at its own place: a mean tells whom it is of
    const table = new Float32Array((users + 1) * users);
    for (let user = 0; user < users; user++) table[(user + 1) * users + user] = 1;
    const own = new ItemUserLists(oneItemOf(users), users);
    own.refresh(table, new Random(1));
    const sizes = new Set<number>();
    for (let seed = 0; seed < 200; seed++) {
      const random = new Random(seed);
      const { means, shortLists } = own.meansWithout(Int32Array.of(0), new Map([[0, [3]]]), () => true, random);
      const listed = Array.from(means.keys()).filter((user) => means[user]! > 0);
      expect(shortLists.map(({ place, users: few }) => [place, [...few].sort((a, b) => a - b)])).toEqual([[0, listed]]);
      for (const mean of [means, own.sampledWithout([0], [3], 1, () => true, random)]) {
        sizes.add(mean.filter((share) => share > 0).length);
        expect(mean[3]).toBe(0);
      }
    }
    expect([...sizes].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it('draws at most 50 users of a popular item', () => {
    const users = 400;
    const table = Float32Array.from({ length: users + 1 }, (_, row) => row);
    const own = new ItemUserLists(oneItemOf(users), 1);
    const means = Array.from({ length: 40 }, (_, seed) => {
      own.refresh(table, new Random(seed));
      return meansOf(own, Int32Array.of(0))[0]!;
    });
    const mean = means.reduce((sum, value) => sum + value, 0) / means.length;
    expect(mean).toBeGreaterThan(190);
    expect(mean).toBeLessThan(211);
    expect(new Set(means).size).toBeGreaterThan(30);
  });
});
