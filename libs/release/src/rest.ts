import { setTimeout as sleep } from 'node:timers/promises';

/** Called between the pieces of a long work; the next piece begins when it resolves. */
export type Rest = () => Promise<void>;

export const NO_REST: Rest = () => Promise.resolve();

const LONGEST_MS = 40;

/**
 * Three times as long as was worked since the last rest. A thread that works all the time is felt by the others even at the
 * lowest priority: the caches are theirs no more, and two processors of a virtual machine are often one core.
 */
export function longRests(): Rest {
  let since = performance.now();
  return async () => {
    await sleep(Math.min(3 * (performance.now() - since), LONGEST_MS));
    since = performance.now();
  };
}
