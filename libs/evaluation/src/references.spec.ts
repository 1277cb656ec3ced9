import { Random, type HistoryTable } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import { itemKnnRecommender, similarItems } from './item-knn';
import { itemPopularity, popularityRecommender, recentPopularity } from './popularity';
import { bestRows, bestUnmasked } from './top-unseen';

/** Three users over four items: {0, 1, 2}, {0, 1}, {2, 3}; item 1 twice by the second user. */
const HISTORIES: HistoryTable = {
  userCount: 3,
  itemCount: 4,
  offsets: Uint32Array.of(0, 3, 6, 8),
  itemRows: Uint32Array.of(0, 1, 2, 0, 1, 1, 2, 3),
  timesMs: Float64Array.of(10, 10, 20, 10, 10, 10, 20, 30),
  weights: new Float32Array(8).fill(1),
};
const itemsOf = ({ offsets, itemRows }: HistoryTable) => {
  return (user: number): Uint32Array => itemRows.subarray(offsets[user], offsets[user + 1]);
};
const known = { k: 10, historyOf: itemsOf(HISTORIES), maskedItems: itemsOf(HISTORIES) };

describe('popularity', () => {
  it('ranks by number of events without the masked items', () => {
    // events: 2, 3, 2, 1
    const recommend = popularityRecommender(itemPopularity(HISTORIES), 10, itemsOf(HISTORIES));
    expect([...recommend(0)]).toEqual([3]);
    expect([...recommend(1)]).toEqual([2, 3]);
    expect([...recommend(2)]).toEqual([1, 0]);
  });

  it('counts newer events more', () => {
    // ages 20, 10, 0 with a half life of 10: items 0: 2/4, 1: 3/4, 2: 1/2 + 1/2, 3: 1
    expect([...recentPopularity(HISTORIES, 10)]).toEqual([0.5, 0.75, 1, 1]);
  });
});

describe('item-kNN', () => {
  it('sums cosines over the items of the history', () => {
    // users: 0: 2, 1: 2, 2: 2, 3: 1. cos(0,2) = 1/2, cos(1,2) = 1/2, cos(0,1) = 1, cos(2,3) = 1 / sqrt 2
    const recommend = itemKnnRecommender(similarItems(HISTORIES, 30), known);
    expect([...recommend(0)]).toEqual([3]);
    expect([...recommend(1)]).toEqual([2]); // item 3 shares no user with items 0 and 1
    expect([...recommend(2)]).toEqual([0, 1]); // both .5: lower row first
  });

  it('counts the most similar neighbours only', () => {
    // item 2 is as similar to 0 as to 1 (.5) and closest to 3: with one neighbour it speaks for 3 alone
    const recommend = (neighbours: number) => itemKnnRecommender(similarItems(HISTORIES, 9), { ...known, neighbours });
    expect([...recommend(1)(2)]).toEqual([]); // 2 -> 3 and 3 -> 2, both seen
    expect([...recommend(2)(2)]).toEqual([0]); // 2 -> 3, 0: the lower row of the tie
  });

  it('counts newer events more', () => {
    // a user with 2 (older) then 0: item 1 (cos(0, 1) = .6), item 3 (cos(2, 3) = .7)
    const similar = [
      { rows: Uint32Array.of(1), cosines: Float32Array.of(0.6) },
      { rows: new Uint32Array(0), cosines: new Float32Array(0) },
      { rows: Uint32Array.of(3), cosines: Float32Array.of(0.7) },
      { rows: new Uint32Array(0), cosines: new Float32Array(0) },
    ];
    const history = () => Uint32Array.of(2, 0);
    const ranked = (recency: number) => {
      return [...itemKnnRecommender(similar, { k: 10, recency, historyOf: history, maskedItems: history })(0)];
    };
    expect(ranked(1)).toEqual([3, 1]);
    expect(ranked(0.8)).toEqual([1, 3]);
  });

  it('agrees with plain sums over all pairs of items', () => {
    const random = new Random(7);
    const lengths = Array.from({ length: 40 }, () => 1 + random.below(12));
    const offsets = Uint32Array.of(0, ...lengths.map((_, user) => lengths.slice(0, user + 1).reduce((a, b) => a + b)));
    const total = offsets.at(-1)!;
    const itemRows = Uint32Array.from({ length: total }, () => Math.floor(30 * random.next() ** 2));
    const table = { userCount: 40, itemCount: 30, offsets, itemRows };
    const histories = { ...table, timesMs: new Float64Array(total), weights: new Float32Array(total).fill(1) };
    const historyOf = itemsOf(histories);
    const similar = similarItems(histories, Infinity);
    const recommend = itemKnnRecommender(similar, { k: 30, historyOf, maskedItems: historyOf });
    const sets = lengths.map((_, user) => new Set(itemRows.subarray(offsets[user], offsets[user + 1])));
    const users = (...items: number[]) => sets.filter((set) => items.every((item) => set.has(item))).length;
    const cosine = (a: number, b: number) => users(a, b) / Math.sqrt(users(a) * users(b) || 1);
    for (const [user, seen] of sets.entries()) {
      const score = (item: number) => [...seen].reduce((sum, other) => sum + cosine(item, other), 0);
      const recommended = recommend(user);
      const unseen = Array.from({ length: 30 }, (_, item) => item).filter((item) => !seen.has(item));
      expect(new Set(recommended)).toEqual(new Set(unseen.filter((item) => score(item) > 0)));
      for (let i = 1; i < recommended.length; i++) {
        expect(score(recommended[i]!)).toBeLessThanOrEqual(score(recommended[i - 1]!) + 1e-5);
      }
    }
  });
});

describe('bestRows', () => {
  it('sorts by score, then by row, whatever the sign', () => {
    const random = new Random(8);
    const scores = Float32Array.from({ length: 500 }, () => (random.below(120) - 60) / 7 ** random.below(9));
    const rows = Uint32Array.from({ length: 500 }, (_, row) => row).filter(() => random.next() < 0.7);
    const expected = [...rows].sort((a, b) => scores[b]! - scores[a]! || a - b);
    expect([...bestRows(scores, rows, 1_000)]).toEqual(expected);
    expect([...bestRows(scores, rows, 9)]).toEqual(expected.slice(0, 9));
    expect([...bestRows(scores, rows, 0)]).toEqual([]);
    const masked = rows.filter((row) => row % 2 === 0);
    const open = Array.from(scores.keys()).filter((row) => !masked.includes(row));
    expect([...bestUnmasked(scores, masked, 20)]).toEqual([...bestRows(scores, Uint32Array.from(open), 20)]);
  });

  it('reaches to its largest row, and says where it ends', () => {
    const scores = new Float32Array(2 ** 21).fill(3e38);
    expect([...bestRows(scores, Uint32Array.of(2 ** 21 - 1, 0, 2 ** 21 - 2), 3)]).toEqual([0, 2097150, 2097151]);
    const tooMany = new Float32Array(2 ** 21 + 1);
    expect(() => bestRows(tooMany, Uint32Array.of(0), 1)).toThrow(/too many to rank/);
  });
});
