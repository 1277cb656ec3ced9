import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';

/** How often it is looked whether the job gets anything done, milliseconds. */
const LOOK_EVERY_MS = 500;
/** A job that waits for a processor this share of the time, over a second or more, is starved. */
const STARVED = 0.8;
const SHORTEST_MS = 1_000;

/**
 * What makes releases gives way to what serves them, where both are on one machine: it takes only what others leave (the
 * policy "idle" of Linux, by util-linux's chrt), until that is next to nothing; from then on, and where it could not come
 * back from that policy, it runs at a lower priority.
 */
export function asBatchJob(): void {
  let isStarved: () => boolean;
  try {
    const { PRIORITY_BELOW_NORMAL: lower } = constants.priority;
    setPriority(lower + 1);
    // Who may raise the priority again may leave the policy again.
    setPriority(lower);
    isStarved = starvation();
    policy('--idle');
  } catch {
    // Where the system does not allow it the job runs like any other process.
    return;
  }
  const looking = setInterval(() => {
    if (!isStarved()) return;
    clearInterval(looking);
    try {
      policy('--other');
    } catch {
      // Slow is better than ended.
    }
  }, LOOK_EVERY_MS);
  looking.unref();
}

/** Of all threads; those that start later are like the one that starts them. */
function policy(name: '--idle' | '--other'): void {
  execFileSync('chrt', [name, '--all-tasks', '--pid', '0', String(process.pid)], { stdio: 'ignore' });
}

/** Whether the main thread has waited for a processor nearly all the time since the last look. */
function starvation(): () => boolean {
  let from = { atMs: performance.now(), waitedMs: waitedMs() };
  return () => {
    const now = { atMs: performance.now(), waitedMs: waitedMs() };
    const passedMs = now.atMs - from.atMs;
    if (passedMs < SHORTEST_MS) return false;
    const share = (now.waitedMs - from.waitedMs) / passedMs;
    from = now;
    return share > STARVED;
  };
}

/** How long the main thread has been ready to run and has not run (the second figure of schedstat, nanoseconds). */
const waitedMs = (): number => Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[1]) / 1e6;
