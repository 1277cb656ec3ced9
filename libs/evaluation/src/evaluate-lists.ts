import { MicError, NO_ROW } from '@mic/domain';
import { MetricsAccumulator, type RankingMetrics } from './ranking-metrics';

/** Gives the ranked item rows of each kind of list for one user. */
export type ListsOf = (user: number) => Promise<Readonly<Record<string, Uint32Array>>>;

/**
 * Metrics by kind of list over the users given. A user who got no list of a kind counts as a miss of it.
 *
 * Items of a user's training history are masked in every list; where the held-out item is one of them (the user had it
 * before), no list can hit it: such users stay in the mean, for all lists alike.
 *
 * @param test held-out item row by user row.
 * @throws MicError INVALID_ARGUMENT when a user has no held-out item.
 */
export async function evaluateLists(
  users: Uint32Array,
  test: Uint32Array,
  listsOf: ListsOf,
  onProgress: (done: number, total: number) => void = () => undefined,
): Promise<Record<string, RankingMetrics>> {
  const accumulators = new Map<string, MetricsAccumulator>();
  for (const [i, user] of users.entries()) {
    const heldOut = test[user] ?? NO_ROW;
    if (heldOut === NO_ROW) {
      throw new MicError('INVALID_ARGUMENT', `user row ${user} has no held-out item`, {
        subject: 'users',
        remedy: 'evaluate users whose held-out item is not NO_ROW',
      });
    }
    for (const [name, ranked] of Object.entries(await listsOf(user))) {
      let accumulator = accumulators.get(name);
      if (!accumulator) accumulators.set(name, (accumulator = new MetricsAccumulator()));
      accumulator.add(ranked, heldOut);
    }
    onProgress(i + 1, users.length);
  }
  return Object.fromEntries([...accumulators].map(([name, accumulator]) => [name, accumulator.metrics(users.length)]));
}
