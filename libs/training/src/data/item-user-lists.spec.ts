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
/** Mask row, user 0, user 1. */
const TABLE = Float32Array.of(9, 9, 2, 0, 4, 2);

function lists(): ItemUserLists {
  const made = new ItemUserLists(HISTORIES, 2);
  made.refresh(TABLE, new Random(1));
  return made;
}

describe('ItemUserLists', () => {
  it('has the mean row of each item’s users, and the mask row where there is none', () => {
    expect([...lists().means]).toEqual([9, 9, 3, 1, 4, 2, 9, 9]);
  });

  it('leaves users out of the items that are theirs', () => {
    const own = lists();
    const means = (items: number[], of: number[]) => [
      ...own.meansWithout(Int32Array.from(items), [1], new Set(of), TABLE),
    ];
    expect(means([0, 1, 2, -1], [0, 1])).toEqual([2, 0, 9, 9, 9, 9, 9, 9]);
    expect(means([1, 0], [1])).toEqual([9, 9, 3, 1]);
    expect(means([1, 0], [])).toEqual([4, 2, 3, 1]);
  });

  it('samples a part of a list', () => {
    const own = lists();
    const sampled = (keep: number, users: number[]) => [...own.sampledWithout([0], users, keep, new Random(1), TABLE)];
    expect(sampled(1, [])).toEqual([3, 1]);
    expect(sampled(1, [0])).toEqual([4, 2]);
    expect(sampled(0, [])).toEqual([9, 9]);
  });

  it('draws at most 50 users of a popular item', () => {
    const users = 400;
    const many: HistoryTable = {
      userCount: users,
      itemCount: 1,
      offsets: Uint32Array.from({ length: users + 1 }, (_, i) => i),
      itemRows: new Uint32Array(users),
      timesMs: new Float64Array(users),
      weights: new Float32Array(users).fill(1),
    };
    const table = Float32Array.from({ length: users + 1 }, (_, row) => row);
    const own = new ItemUserLists(many, 1);
    const means = Array.from({ length: 40 }, (_, seed) => {
      own.refresh(table, new Random(seed));
      return own.means[1]!;
    });
    const mean = means.reduce((sum, value) => sum + value, 0) / means.length;
    expect(mean).toBeGreaterThan(190);
    expect(mean).toBeLessThan(211);
    expect(new Set(means).size).toBeGreaterThan(30);
  });
});
