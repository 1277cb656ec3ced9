import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_RERANK, scoreCandidates, type RerankCandidates, type RerankOptions } from './rerank';
import { topCandidates } from './top-candidates';

/** Four candidates: categories 1, 1, 2, 0, so that 2, 2, 3, 3 others have another category. */
const FOUR: RerankCandidates = {
  basic: Float32Array.of(0.1, 0.5, 0.3, 0.3),
  channelWeights: Float32Array.of(1, 3, 2, 2),
  categories: Uint32Array.of(1, 1, 2, 0),
  similarUsers: Float32Array.of(0, 2, 4, 0),
  similarItems: new Float32Array(4),
  tieBreakers: Uint32Array.of(7, 8, 9, 3),
};
const withScales = (scales: Partial<RerankOptions['scales']>): RerankOptions => ({
  ...DEFAULT_RERANK,
  scales: { ...DEFAULT_RERANK.scales, ...scales },
});
const rounded = (values: Float32Array): number[] => [...values].map((value) => Math.round(value * 1e4) / 1e4 + 0);

describe('scoreCandidates', () => {
  it('adds the weighted terms: similarity as z-score, channels / 3, others of another category / (n - 1)', () => {
    // mean .3, deviation sqrt((.04 + .04) / 4) = .1414: z = -1.4142, 1.4142, 0, 0
    const scores = scoreCandidates(FOUR);
    expect(rounded(scores.basic)).toEqual([-1.4142, 1.4142, 0, 0]);
    expect(rounded(scores.repetition)).toEqual([0.3333, 1, 0.6667, 0.6667]);
    expect(rounded(scores.diversity)).toEqual([0.6667, 0.6667, 1, 1]);
    // -1.4142 + .1667 + .1333; 1.4142 + .5 + .1333; .3333 + .2
    expect(rounded(scores.score)).toEqual([-1.1142, 2.0475, 0.5333, 0.5333]);
  });

  it('adds evidence as a share of the strongest, where it has a weight', () => {
    const weights = { ...DEFAULT_RERANK.weights, similarUsers: 2, similarItems: 5 };
    const scores = scoreCandidates(FOUR, { ...DEFAULT_RERANK, weights });
    expect([rounded(scores.similarUsers), rounded(scores.similarItems)]).toEqual([
      [0, 0.5, 1, 0],
      [0, 0, 0, 0],
    ]);
    // as above, and 2 x .5 for the second, 2 x 1 for the third
    expect(rounded(scores.score)).toEqual([-1.1142, 3.0475, 2.5333, 0.5333]);
  });

  it.each([
    ['raw', [0.1, 0.5, 0.3, 0.3]],
    ['unit', [0, 1, 0.5, 0.5]],
    ['zscore', [-1.4142, 1.4142, 0, 0]],
  ] as const)('scales the similarity as %s', (basic, expected) => {
    expect(rounded(scoreCandidates(FOUR, withScales({ basic })).basic)).toEqual(expected);
  });

  it.each([
    ['raw', [1, 3, 2, 2]],
    ['unit', [0.3333, 1, 0.6667, 0.6667]],
    ['zscore', [-1.4142, 1.4142, 0, 0]],
  ] as const)('scales the repetition as %s', (repetition, expected) => {
    expect(rounded(scoreCandidates(FOUR, withScales({ repetition })).repetition)).toEqual(expected);
  });

  it.each([
    ['raw', [2, 2, 3, 3]],
    ['fraction', [0.6667, 0.6667, 1, 1]],
    ['zscore', [-1, -1, 1, 1]],
  ] as const)('scales the diversity as %s', (diversity, expected) => {
    expect(rounded(scoreCandidates(FOUR, withScales({ diversity })).diversity)).toEqual(expected);
  });

  it('gives equal candidates 0 on every relative scale', () => {
    const same = { ...FOUR, basic: new Float32Array(4).fill(0.7), channelWeights: new Float32Array(4).fill(1) };
    const options = withScales({ repetition: 'zscore', diversity: 'zscore' });
    expect(rounded(scoreCandidates(same, options).basic)).toEqual([0, 0, 0, 0]);
    expect(rounded(scoreCandidates(same, options).repetition)).toEqual([0, 0, 0, 0]);
    expect(rounded(scoreCandidates(same, withScales({ basic: 'unit' })).basic)).toEqual([0, 0, 0, 0]);
  });

  it('is defined for one candidate and for none', () => {
    const cut = (n: number): RerankCandidates => ({
      basic: FOUR.basic.slice(0, n),
      channelWeights: FOUR.channelWeights.slice(0, n),
      categories: FOUR.categories.slice(0, n),
      similarUsers: FOUR.similarUsers.slice(0, n),
      similarItems: FOUR.similarItems.slice(0, n),
      tieBreakers: FOUR.tieBreakers.slice(0, n),
    });
    expect(rounded(scoreCandidates(cut(1)).score)).toEqual([0.1667]);
    expect(rounded(scoreCandidates(cut(0)).score)).toEqual([]);
  });

  it.each([NaN, Infinity, -Infinity])('refuses the similarity %s', (value) => {
    expect(() => scoreCandidates({ ...FOUR, basic: Float32Array.of(0, 0, value, 0) })).toThrow(`similarity ${value}`);
  });

  it('counts categories of any number alike', () => {
    const named = (...categories: number[]) => [
      ...scoreCandidates({ ...FOUR, categories: Uint32Array.from(categories) }).diversity,
    ];
    expect(named(7, 7, 4_294_967_294, 0)).toEqual(named(2, 2, 1, 0));
  });

  it('refuses columns of different lengths', () => {
    expect(() => scoreCandidates({ ...FOUR, categories: Uint32Array.of(1) })).toThrow(/differ in length/);
  });
});

describe('topCandidates', () => {
  it('orders by score, then by the lower tie breaker', () => {
    expect([...topCandidates(scoreCandidates(FOUR).score, FOUR.tieBreakers, 10)]).toEqual([1, 3, 2, 0]);
    expect([...topCandidates(scoreCandidates(FOUR).score, FOUR.tieBreakers, 2)]).toEqual([1, 3]);
  });

  const candidate = fc.record({
    basic: fc.float({ min: -1, max: 1, noNaN: true }),
    channels: fc.integer({ min: 1, max: 3 }),
    category: fc.integer({ min: 0, max: 4 }),
  });
  interface Candidate {
    readonly basic: number;
    readonly channels: number;
    readonly category: number;
    readonly row: number;
  }
  const scales = fc.record({
    basic: fc.constantFrom('raw', 'unit', 'zscore'),
    repetition: fc.constantFrom('raw', 'unit', 'zscore'),
    diversity: fc.constantFrom('raw', 'fraction', 'zscore'),
  });
  const rank = (list: readonly Candidate[], n: number, chosen: RerankOptions['scales']) => {
    const columns: RerankCandidates = {
      basic: Float32Array.from(list, ({ basic }) => basic),
      channelWeights: Float32Array.from(list, ({ channels }) => channels),
      categories: Uint32Array.from(list, ({ category }) => category),
      similarUsers: new Float32Array(list.length),
      similarItems: Float32Array.from(list, ({ channels }) => channels),
      tieBreakers: Uint32Array.from(list, ({ row }) => row),
    };
    const { score } = scoreCandidates(columns, withScales(chosen));
    return [...topCandidates(score, columns.tieBreakers, n)].map((i) => ({ row: list[i]!.row, score: score[i]! }));
  };

  it('has the asked length, falling scores, and does not depend on the order of its input', () => {
    const some = fc.array(candidate, { maxLength: 60 }).map((all) => all.map((one, row) => ({ ...one, row })));
    const shuffled = some.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length, maxLength: list.length })),
    );
    fc.assert(
      fc.property(shuffled, fc.integer({ min: 0, max: 80 }), scales, ([list, mixed], n, chosen) => {
        const ranked = rank(list, n, chosen);
        expect(ranked.length).toBe(Math.min(n, list.length));
        expect(ranked.every(({ score }) => Number.isFinite(score))).toBe(true);
        expect(ranked.every(({ score }, i) => i === 0 || score <= ranked[i - 1]!.score)).toBe(true);
        expect(rank(mixed, n, chosen)).toEqual(ranked);
      }),
      { numRuns: 300 },
    );
  });
});
