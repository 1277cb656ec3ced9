import { NO_ROW, Random, type HistoryTable } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import { evaluateLists, type ListsOf } from './evaluate-lists';
import { itemKnnRecommender } from './item-knn';
import { popularityRecommender } from './popularity';
import { MetricsAccumulator } from './ranking-metrics';
import { bestRows } from './top-unseen';

/** Three users over four items: {0, 1, 2}, {0, 1}, {2, 3}; item 1 twice by the second user. */
const HISTORIES: HistoryTable = {
  userCount: 3,
  itemCount: 4,
  offsets: Uint32Array.of(0, 3, 6, 8),
  itemRows: Uint32Array.of(0, 1, 2, 0, 1, 1, 2, 3),
  timesMs: new Float64Array(8),
  weights: new Float32Array(8).fill(1),
};

describe('popularity', () => {
  it('ranks by number of events without the seen items', () => {
    // events: 2, 3, 2, 1
    const recommend = popularityRecommender(HISTORIES, 10);
    expect([...recommend(0)]).toEqual([3]);
    expect([...recommend(1)]).toEqual([2, 3]);
    expect([...recommend(2)]).toEqual([1, 0]);
  });
});

describe('item-kNN', () => {
  it('sums cosines over the items of the history', () => {
    // users: 0: 2, 1: 2, 2: 2, 3: 1. cos(0,2) = 1/2, cos(1,2) = 1/2, cos(0,1) = 1, cos(2,3) = 1 / sqrt 2
    const recommend = itemKnnRecommender(HISTORIES, 10);
    expect([...recommend(0)]).toEqual([3]);
    expect([...recommend(1)]).toEqual([2]); // item 3 shares no user with items 0 and 1
    expect([...recommend(2)]).toEqual([0, 1]); // both .5: lower row first
  });

  it('counts the most similar neighbours only', () => {
    // item 2 is as similar to 0 as to 1 (.5) and closest to 3: with one neighbour it speaks for 3 alone
    const recommend = itemKnnRecommender(HISTORIES, 10, { neighbours: 1 });
    expect([...recommend(2)]).toEqual([]); // 2 -> 3 and 3 -> 2, both seen
    expect([...itemKnnRecommender(HISTORIES, 10, { neighbours: 2 })(2)]).toEqual([0]); // 2 -> 3, 0: the lower row of the tie
  });

  it('counts newer events more', () => {
    // user 0 had 0, 1, 2: item 3 is near to 2 alone, the newest
    const scoreOf = (recency: number) => itemKnnRecommender({ ...HISTORIES, itemCount: 4 }, 10, { recency })(0);
    expect([...scoreOf(0.5)]).toEqual([3]);
    // user with 2 (older) then 0: item 1 (cos(0, 1) = 1, cos(2, 1) = .5), item 3 (cos(2, 3) = .71)
    const other = { ...HISTORIES, itemRows: Uint32Array.of(0, 1, 2, 0, 1, 1, 2, 3) };
    const similar = [
      { rows: Uint32Array.of(1), cosines: Float32Array.of(0.6) },
      { rows: new Uint32Array(0), cosines: new Float32Array(0) },
      { rows: Uint32Array.of(3), cosines: Float32Array.of(0.7) },
      { rows: new Uint32Array(0), cosines: new Float32Array(0) },
    ];
    const history = { ...other, userCount: 1, offsets: Uint32Array.of(0, 2), itemRows: Uint32Array.of(2, 0) };
    const ranked = (recency: number) => [...itemKnnRecommender(history, 10, { recency, similar })(0)];
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
    const recommend = itemKnnRecommender(histories, 30, { neighbours: Infinity });
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
  it('sorts by score, then by row', () => {
    const random = new Random(8);
    const scores = Float32Array.from({ length: 500 }, () => (1 + random.below(60)) / 7 ** random.below(9));
    const rows = Uint32Array.from({ length: 500 }, (_, row) => row).filter(() => random.next() < 0.7);
    const expected = [...rows].sort((a, b) => scores[b]! - scores[a]! || a - b);
    expect([...bestRows(scores, rows, 1_000)]).toEqual(expected);
    expect([...bestRows(scores, rows, 9)]).toEqual(expected.slice(0, 9));
    expect([...bestRows(scores, rows, 0)]).toEqual([]);
  });

  it('reaches to its largest row, and says where it ends', () => {
    const scores = new Float32Array(2 ** 21).fill(3e38);
    expect([...bestRows(scores, Uint32Array.of(2 ** 21 - 1, 0, 2 ** 21 - 2), 3)]).toEqual([0, 2097150, 2097151]);
    const tooMany = new Float32Array(2 ** 21 + 1);
    expect(() => bestRows(tooMany, Uint32Array.of(0), 1)).toThrow(/too many to rank/);
  });
});

describe('metrics', () => {
  it('are the hand-worked ones', () => {
    const metrics = new MetricsAccumulator();
    const list = Uint32Array.from({ length: 60 }, (_, i) => i);
    metrics.add(list, 0); // rank 1
    metrics.add(list, 2); // rank 3: 1 / log2(4) = .5
    metrics.add(list, 30); // rank 31: 1 / log2(32) = .2
    metrics.add(list, 99); // not there
    const result = metrics.metrics(4);
    expect(result['HR@10']).toBe(0.5);
    expect(result['HR@50']).toBe(0.75);
    expect(result['HR@200']).toBe(0.75);
    expect(result['NDCG@10']).toBeCloseTo(1.5 / 4, 12);
    expect(result['NDCG@50']).toBeCloseTo(1.7 / 4, 12);
    expect(result.MRR).toBeCloseTo((1 + 1 / 3 + 1 / 31) / 4, 12);
  });

  it('are kept apart by list and averaged over users', async () => {
    const lists = (user: number) => Promise.resolve({ good: Uint32Array.of(user), bad: Uint32Array.of(9) });
    const result = await evaluateLists(Uint32Array.of(0, 2), Uint32Array.of(0, 7, 2), lists);
    expect(result.good!['HR@10']).toBe(1);
    expect(result.bad!['HR@10']).toBe(0);
  });

  it('count a user without a list as a miss, and one whose item was seen before as well', async () => {
    const popularity = popularityRecommender(HISTORIES, 10);
    const lists: ListsOf = async (user): Promise<Record<string, Uint32Array>> =>
      user === 1 ? {} : { popularity: popularity(user) };
    // user 0: item 3 is first; user 1: no list; user 2: item 2 is in the history and masked
    const result = await evaluateLists(Uint32Array.of(0, 1, 2), Uint32Array.of(3, 2, 2), lists);
    expect(result.popularity!['HR@10']).toBeCloseTo(1 / 3, 12);
  });

  it('are not given for users without a held-out item', async () => {
    const lists = () => Promise.resolve({ any: Uint32Array.of(1) });
    await expect(evaluateLists(Uint32Array.of(1), Uint32Array.of(0, NO_ROW), lists)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('row 1'),
    });
    expect(await evaluateLists(new Uint32Array(0), new Uint32Array(0), lists)).toEqual({});
  });
});
