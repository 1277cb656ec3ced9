import type { HistoryTable } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import { evaluateLists } from './evaluate-lists';
import { itemKnnRecommender } from './item-knn';
import { popularityRecommender } from './popularity';
import { MetricsAccumulator } from './ranking-metrics';

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
});

describe('metrics', () => {
  it('are the hand-worked ones', () => {
    const metrics = new MetricsAccumulator();
    const list = Uint32Array.from({ length: 60 }, (_, i) => i);
    metrics.add(list, 0); // rank 1
    metrics.add(list, 2); // rank 3: 1 / log2(4) = .5
    metrics.add(list, 30); // rank 31: 1 / log2(32) = .2
    metrics.add(list, 99); // not there
    const result = metrics.metrics();
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
});
