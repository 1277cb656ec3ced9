import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Threads that Node gives V8, above all to collect garbage with, whatever the machine. */
const NODES_HELPERS = 4;
const POOL_SIZE = '--v8-pool-size=';

let gc: (() => void) | undefined;

/** Collects this process's garbage now, when nobody waits: else V8 does it in the midst of what comes next. */
export function collectGarbage(): void {
  if (gc === undefined) {
    setFlagsFromString('--expose-gc');
    gc = runInNewContext('gc') as () => void;
  }
  gc();
}

/** How many helpers of V8 (`node --v8-pool-size`) leave the program a core on this machine. */
export const helpersWithCores = (cores = availableParallelism()): number =>
  Math.min(NODES_HELPERS, Math.max(1, cores - 1));

/**
 * Collects what an opening has left, and from now on so that calls notice little of it (ADR 027, 029).
 *
 * - Whenever the heap is 30 % larger (at least 8 MB). V8 takes that by itself where little outlives the young; the first times
 *   after an opening it waits for up to four times the heap. Node makes every header that it reads a string outside of the heap,
 *   which only a full collection frees, one by one: 100 ms at once, or ten times 10 ms, which is less than a caller's grace and
 *   what a deadline keeps back together.
 * - Without helpers where there are more of them than cores for them: they mark all at once, and the program waits for a core
 *   meanwhile. Then the program marks itself, .2 ms at a time. Their number can be set at the start alone, by a flag of Node's.
 */
export function collectGently(): void {
  setFlagsFromString('--heap-growing-percent=30');
  collectGarbage();
  // V8 looks at these two each time it collects, in all threads of the process.
  if (helpersOfThisProcess() > helpersWithCores()) {
    setFlagsFromString('--no-concurrent-marking');
    setFlagsFromString('--no-parallel-scavenge');
  }
}

function helpersOfThisProcess(): number {
  // Node's own settings, so they are read where Node does.
  const flags = [...(process.env.NODE_OPTIONS ?? '').split(/\s+/), ...process.execArgv];
  const flag = flags.findLast((argument) => argument.startsWith(POOL_SIZE));
  return flag === undefined ? NODES_HELPERS : Number(flag.slice(POOL_SIZE.length));
}
