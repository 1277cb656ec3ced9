import { describe, expect, it } from 'vitest';
import { evaluateLists } from './evaluate-lists';
import { Measures } from './measures';
import { metricNames, rankingMetrics } from './ranking-metrics';
import type { TestCase } from './test-case';

const AT = [10, 50];
const list = Uint32Array.from({ length: 60 }, (_, i) => i);
const figuresOf = (ranked: Uint32Array, relevant: number[]) => {
  const names = metricNames(AT);
  const values = rankingMetrics(ranked, Uint32Array.from(relevant), AT);
  return Object.fromEntries(names.map((name, i) => [name, values[i]!]));
};

describe('ranking metrics', () => {
  it('of one relevant item are the hand-worked ones', () => {
    expect(figuresOf(list, [2])).toMatchObject({ 'HR@10': 1, 'Recall@10': 1, 'NDCG@10': 0.5, 'MRR@50': 1 / 3 });
    expect(figuresOf(list, [30])).toMatchObject({
      'HR@10': 0,
      'HR@50': 1,
      'NDCG@10': 0,
      'MRR@10': 0,
      'MRR@50': 1 / 31,
    });
    expect(figuresOf(list, [30])['NDCG@50']).toBeCloseTo(0.2, 12);
    expect(Object.values(figuresOf(list, [99])).every((value) => value === 0)).toBe(true);
  });

  it('of several relevant items count all of them', () => {
    // ranks 1, 3 and 31; gains 1, .5, .2; ideal of three places 1 + .6309 + .5
    const figures = figuresOf(list, [0, 2, 30, 99]);
    expect(figures).toMatchObject({ 'HR@10': 1, 'Recall@10': 0.5, 'Recall@50': 0.75, 'MRR@10': 1 });
    const ideal = 1 + 1 / Math.log2(3) + 0.5 + 1 / Math.log2(5);
    expect(figures['NDCG@10']).toBeCloseTo(1.5 / ideal, 12);
    expect(figures['NDCG@50']).toBeCloseTo(1.7 / ideal, 12);
  });
});

describe('evaluateLists', () => {
  const cases: TestCase[] = [
    { user: 0, relevant: Uint32Array.of(0) },
    { user: 2, relevant: Uint32Array.of(2, 7) },
  ];

  it('keeps lists apart and averages over cases; a missing list is a miss', async () => {
    const { measures } = await evaluateLists(
      cases,
      ({ user }) => {
        const lists: Record<string, Uint32Array> = { bad: user === 0 ? list : Uint32Array.of(9) };
        if (user === 0) lists.good = Uint32Array.of(0);
        return Promise.resolve(lists);
      },
      { at: AT },
    );
    const means = measures.means();
    expect(means.good!['HR@10']).toBe(0.5);
    expect(means.bad!['HR@10']).toBe(0.5);
    expect(measures.cases).toBe(2);
  });

  it('measures cuts on their own part of the relevant items', async () => {
    const { cuts } = await evaluateLists(cases, () => Promise.resolve({ all: Uint32Array.of(0, 2) }), {
      at: AT,
      cuts: { sevens: ({ relevant }) => relevant.filter((item) => item === 7) },
    });
    expect(cuts.sevens!.cases).toBe(1);
    expect(cuts.sevens!.means().all!['HR@10']).toBe(0);
  });

  it('refuses a case that asks for nothing', async () => {
    const empty = [{ user: 4, relevant: new Uint32Array(0) }];
    await expect(evaluateLists(empty, () => Promise.resolve({}), { at: AT })).rejects.toThrow(/row 4/);
  });
});

describe('measures', () => {
  const of = (hits: readonly number[], list = 'a'): Measures => {
    const measures = new Measures([1]);
    for (const hit of hits) measures.add({ [list]: [hit, hit, hit, hit] });
    return measures;
  };

  it('give the mean and its 95 % interval', () => {
    // mean .5, variance 2 * .25 ... : four values 0 1 1 0: sample variance 1/3, error sqrt(1/12)
    const { mean, low, high } = of([0, 1, 1, 0]).intervals().a!['HR@1']!;
    expect(mean).toBe(0.5);
    expect(high - mean).toBeCloseTo(1.959964 * Math.sqrt(1 / 12), 12);
    expect(mean - low).toBeCloseTo(high - mean, 12);
  });

  it('compare case by case', () => {
    const [a, b] = [of([0, 1, 1, 1]), of([0, 1, 0, 0], 'b')];
    const { mean, low, high } = a.difference('a', 'b', b)['HR@1']!;
    expect(mean).toBe(0.5); // differences 0 0 1 1
    expect((high - low) / 2).toBeCloseTo(1.959964 * Math.sqrt(1 / 12), 12);
    expect(() => a.difference('a', 'b', of([1], 'b'))).toThrow(/same cases/);
  });

  it('are averaged over models case by case', () => {
    const mean = Measures.mean([of([0, 1, 1, 0]), of([1, 1, 0, 0])]);
    expect(mean.means().a!['HR@1']).toBe(0.5);
    // case means .5 1 .5 0: sample variance 1/6
    const { high } = mean.intervals().a!['HR@1']!;
    expect(high - 0.5).toBeCloseTo(1.959964 * Math.sqrt(1 / 24), 12);
  });

  it('hold any number of cases', () => {
    const many = of(Array.from({ length: 1_000 }, (_, i) => i % 2));
    expect(many.means().a!['HR@1']).toBe(0.5);
  });
});
