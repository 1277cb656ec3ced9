import { MetricsAccumulator, type RankingMetrics } from './ranking-metrics';

/** Gives the ranked item rows of each kind of list for one user. */
export type ListsOf = (user: number) => Promise<Readonly<Record<string, Uint32Array>>>;

/**
 * Metrics by kind of list over the users given.
 *
 * @param test held-out item row by user row.
 */
export async function evaluateLists(
  users: Uint32Array,
  test: Uint32Array,
  listsOf: ListsOf,
  onProgress: (done: number, total: number) => void = () => undefined,
): Promise<Record<string, RankingMetrics>> {
  const accumulators = new Map<string, MetricsAccumulator>();
  for (const [i, user] of users.entries()) {
    for (const [name, ranked] of Object.entries(await listsOf(user))) {
      let accumulator = accumulators.get(name);
      if (!accumulator) accumulators.set(name, (accumulator = new MetricsAccumulator()));
      accumulator.add(ranked, test[user]!);
    }
    onProgress(i + 1, users.length);
  }
  return Object.fromEntries([...accumulators].map(([name, accumulator]) => [name, accumulator.metrics()]));
}
