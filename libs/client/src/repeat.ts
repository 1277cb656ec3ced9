import { setTimeout as sleep } from 'node:timers/promises';
import { MicError } from '@mic/domain';

/** How often a call is repeated. */
const MAX_REPEATS = 3;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

/** Pause before repetition `repeat` (from 0), milliseconds: it doubles, and half of it to one and a half times is by chance. */
export function pauseMs(repeat: number, chance = Math.random()): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** repeat, LONGEST_PAUSE_MS) * (0.5 + chance);
}

/** @throws MicError CANCELLED when the signal fires. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, { signal }).catch((cause: unknown) => {
    throw new MicError('CANCELLED', 'the call was cancelled while it waited to be repeated', { cause });
  });
}

/**
 * Calls again while the answer is UNAVAILABLE, with pauses, at most three times and never past the deadline. For calls that
 * may be repeated only.
 * @param attempt is told the time left, milliseconds.
 * @throws what the last attempt threw; MicError CANCELLED when the signal fires in a pause.
 */
export async function repeatedly<T>(
  attempt: (deadlineMs: number) => Promise<T>,
  deadlineMs: number,
  signal: AbortSignal | undefined,
): Promise<T> {
  const endMs = performance.now() + deadlineMs;
  for (let repeat = 0; ; repeat++) {
    try {
      return await attempt(endMs - performance.now());
    } catch (error) {
      const isPassing = error instanceof MicError && error.code === 'UNAVAILABLE';
      const waitMs = pauseMs(repeat);
      if (!isPassing || repeat === MAX_REPEATS || performance.now() + waitMs >= endMs) throw error;
      await pause(waitMs, signal);
    }
  }
}
