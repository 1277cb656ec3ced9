import { Random } from '@mic/domain';
import type { RerankWeights } from '@mic/rerank';

/** Terms of the rerank score, in the order of a candidate's columns. */
export const TERMS = ['basic', 'repetition', 'diversity', 'similarUsers', 'similarItems'] as const;

/** The candidates of one request and which of them was right. */
export interface TuningCase {
  /** candidates x TERMS, the terms before their weights. */
  readonly terms: Float32Array;
  /** Position of the right candidate; -1 where no channel found it. */
  readonly right: number;
}

/** Weights that were tried, with what they reach. */
export interface TriedWeights {
  readonly name: string;
  readonly weights: RerankWeights;
  /** Hit rates by `HR@50` and so on. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** The paper's weights (MIC, CIKM 2022). */
export const PAPER: RerankWeights = { basic: 1, repetition: 0.5, diversity: 0.2, similarUsers: 0, similarItems: 0 };

/** The paper's, and half a point for each kind of evidence (ours). */
export const WITH_EVIDENCE: RerankWeights = { ...PAPER, similarUsers: 0.5, similarItems: 0.5 };

/** What each weight is tried as beside basic = 1. */
const GRID: Readonly<Record<Exclude<(typeof TERMS)[number], 'basic'>, readonly number[]>> = {
  repetition: [0, 0.25, 0.5, 1, 2],
  diversity: [0, 0.2, 0.5],
  similarUsers: [0, 0.25, 0.5, 1, 2],
  similarItems: [0, 0.25, 0.5, 1, 2],
};
const CUTS = [10, 50, 200] as const;

/**
 * Compares the paper's weights, alone and with evidence, the best of a grid and weights learned by conditional logit (McFadden 1974), each found on
 * one half of the cases and measured on the other; the winner is found again on all of them.
 *
 * @param seed divides the cases.
 * @returns the winner first, with its weights from all cases; figures are those of the halves that were not used.
 */
export function tuneRerank(cases: readonly TuningCase[], seed: number): readonly TriedWeights[] {
  const order = Uint32Array.from(cases.keys());
  new Random(seed).shuffle(order);
  const half = Math.floor(order.length / 2);
  const halves = [order.subarray(0, half), order.subarray(half)].map((part) => Array.from(part, (i) => cases[i]!));
  const ways: readonly [name: string, find: (known: readonly TuningCase[]) => RerankWeights][] = [
    ['paper', () => PAPER],
    ['paper and evidence', () => WITH_EVIDENCE],
    ['grid', bestOfGrid],
    ['learned', learnWeights],
  ];
  const tried = ways.map(([name, find]): TriedWeights => {
    const figures = halves.map((unseen, i) => hitRates(unseen, find(halves[1 - i]!)));
    const metrics = Object.fromEntries(
      CUTS.map((cut) => {
        const hits = figures.reduce((sum, { [`HR@${cut}`]: rate }, i) => sum + rate! * halves[i]!.length, 0);
        return [`HR@${cut}`, hits / cases.length];
      }),
    );
    return { name, weights: find(cases), metrics };
  });
  return tried.sort((a, b) => goodness(b.metrics) - goodness(a.metrics));
}

/** What is tuned for: the hit rates of a middle and a long list alike. */
const goodness = (metrics: Readonly<Record<string, number>>): number => metrics['HR@50']! + metrics['HR@200']!;

/** Share of cases whose right candidate is among the first k by the weighted sum; equal scores count against it. */
export function hitRates(cases: readonly TuningCase[], weights: RerankWeights): Record<string, number> {
  const factors = TERMS.map((term) => weights[term]);
  const hits = new Map<number, number>(CUTS.map((cut) => [cut, 0]));
  for (const { terms, right } of cases) {
    if (right < 0) continue;
    const own = scoreOf(terms, right, factors);
    let rank = 1;
    for (let i = 0; i * TERMS.length < terms.length; i++) if (i !== right && scoreOf(terms, i, factors) >= own) rank++;
    for (const cut of CUTS) if (rank <= cut) hits.set(cut, hits.get(cut)! + 1);
  }
  return Object.fromEntries([...hits].map(([cut, count]) => [`HR@${cut}`, count / cases.length]));
}

function bestOfGrid(cases: readonly TuningCase[]): RerankWeights {
  let best = PAPER;
  let most = -1;
  for (const repetition of GRID.repetition) {
    for (const diversity of GRID.diversity) {
      for (const similarUsers of GRID.similarUsers) {
        for (const similarItems of GRID.similarItems) {
          const weights = { basic: 1, repetition, diversity, similarUsers, similarItems };
          const value = goodness(hitRates(cases, weights));
          if (value > most) [best, most] = [weights, value];
        }
      }
    }
  }
  return best;
}

const ROUNDS = 200;
const RATE = 0.5;
/** Pull of the weights towards 0, as a share of a case. */
const RIDGE = 1e-3;

/** Weights that make the right candidates most likely by softmax of the score, scaled so that basic counts 1. */
function learnWeights(cases: readonly TuningCase[]): RerankWeights {
  const width = TERMS.length;
  const found = cases.filter(({ right }) => right >= 0);
  const weights = new Float64Array(width).fill(0);
  weights[0] = 1;
  const velocity = new Float64Array(width);
  for (let round = 0; round < ROUNDS; round++) {
    const gradient = new Float64Array(width);
    for (const { terms, right } of found) {
      const count = terms.length / width;
      const scores = new Float64Array(count);
      let largest = -Infinity;
      for (let i = 0; i < count; i++) largest = Math.max(largest, (scores[i] = scoreOf(terms, i, weights)));
      let total = 0;
      for (let i = 0; i < count; i++) total += scores[i] = Math.exp(scores[i]! - largest);
      for (let d = 0; d < width; d++) {
        let expected = 0;
        for (let i = 0; i < count; i++) expected += (scores[i]! / total) * terms[i * width + d]!;
        gradient[d]! += terms[right * width + d]! - expected;
      }
    }
    for (let d = 0; d < width; d++) {
      velocity[d] = 0.9 * velocity[d]! + gradient[d]! / Math.max(1, found.length) - RIDGE * weights[d]!;
      weights[d]! += (RATE / 10) * velocity[d]!;
    }
  }
  const scale = weights[0]! > 1e-6 ? 1 / weights[0]! : 1;
  const rounded = TERMS.map((term, d) => [term, Math.round(weights[d]! * scale * 1000) / 1000]);
  return Object.fromEntries(rounded) as unknown as RerankWeights;
}

function scoreOf(terms: Float32Array, i: number, weights: ArrayLike<number>): number {
  let score = 0;
  for (let d = 0, at = i * TERMS.length; d < TERMS.length; d++, at++) score += weights[d]! * terms[at]!;
  return score;
}
