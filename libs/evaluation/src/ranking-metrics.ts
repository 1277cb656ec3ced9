/** List lengths at which lists are measured where nothing else is said. */
export const CUTS: readonly number[] = [10, 50, 200];

/** Figures by name, e.g. `HR@10`, `Recall@50`, `NDCG@50`, `MRR@10`: means over cases, 0 .. 1. */
export type RankingMetrics = Record<string, number>;

const KINDS = ['HR', 'Recall', 'NDCG', 'MRR'] as const;

/** Names of the figures of `rankingMetrics`, in its order. */
export function metricNames(cuts: readonly number[]): string[] {
  return KINDS.flatMap((kind) => cuts.map((cut) => `${kind}@${cut}`));
}

/**
 * Figures of one list for each cut k: HR (1 where any relevant item is among the first k), recall (the share that is),
 * NDCG (gain 1 / log2(rank + 1), divided by the best that k places allow), MRR (1 / rank of the first one). With one
 * relevant item HR is recall.
 *
 * @param ranked item rows, best first, each once.
 * @param relevant item rows, at least one.
 */
export function rankingMetrics(ranked: Uint32Array, relevant: Uint32Array, cuts: readonly number[]): number[] {
  const ranks = ranksOf(ranked, relevant);
  const within = cuts.map((cut) => ranks.filter((rank) => rank <= cut));
  const gain = (rank: number): number => 1 / Math.log2(rank + 1);
  return [
    ...within.map((hits) => Number(hits.length > 0)),
    ...within.map((hits) => hits.length / relevant.length),
    ...within.map((hits, i) => {
      let ideal = 0;
      for (let rank = 1; rank <= Math.min(relevant.length, cuts[i]!); rank++) ideal += gain(rank);
      return hits.reduce((sum, rank) => sum + gain(rank), 0) / ideal;
    }),
    ...within.map(([first]) => (first === undefined ? 0 : 1 / first)),
  ];
}

/** Ranks (from 1) of the relevant items that are in the list, best first. */
function ranksOf(ranked: Uint32Array, relevant: Uint32Array): number[] {
  if (relevant.length === 1) {
    const rank = ranked.indexOf(relevant[0]!) + 1;
    return rank > 0 ? [rank] : [];
  }
  const wanted = new Set(relevant);
  const ranks: number[] = [];
  ranked.forEach((item, i) => {
    if (wanted.has(item)) ranks.push(i + 1);
  });
  return ranks;
}
