/** List lengths at which hit rate and NDCG are reported. */
export const HIT_RATE_CUTS = [10, 50, 200] as const;
export const NDCG_CUTS = [10, 50] as const;

/** Figures by name, e.g. `HR@10`, `NDCG@50`, `MRR`: means over users, 0 .. 1. */
export type RankingMetrics = Record<string, number>;

/**
 * Metrics of one kind of list where each user has one held-out item: hit rate at k (= recall at k), NDCG at k
 * (1 / log2(rank + 1), the ideal being 1), and MRR (1 / rank, 0 where the item is not in the list).
 */
export class MetricsAccumulator {
  #reciprocalRanks = 0;
  readonly #hits = new Map<number, number>(HIT_RATE_CUTS.map((cut) => [cut, 0]));
  readonly #gains = new Map<number, number>(NDCG_CUTS.map((cut) => [cut, 0]));

  /** @param ranked item rows, best first. @param heldOut the item that should be among them. */
  add(ranked: Uint32Array, heldOut: number): void {
    const rank = ranked.indexOf(heldOut) + 1;
    if (rank === 0) return;
    this.#reciprocalRanks += 1 / rank;
    for (const cut of HIT_RATE_CUTS) if (rank <= cut) this.#hits.set(cut, this.#hits.get(cut)! + 1);
    for (const cut of NDCG_CUTS) if (rank <= cut) this.#gains.set(cut, this.#gains.get(cut)! + 1 / Math.log2(rank + 1));
  }

  /** @param users number of users to average over: those without a list are misses. */
  metrics(users: number): RankingMetrics {
    const mean = (sum: number): number => (users === 0 ? 0 : sum / users);
    return Object.fromEntries([
      ...[...this.#hits].map(([cut, hits]) => [`HR@${cut}`, mean(hits)] as const),
      ...[...this.#gains].map(([cut, gain]) => [`NDCG@${cut}`, mean(gain)] as const),
      ['MRR', mean(this.#reciprocalRanks)] as const,
    ]);
  }
}
