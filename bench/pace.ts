import { setTimeout as sleep } from 'node:timers/promises';

/** Calls at most this many at a time, whatever the rate: a server that hangs must not make an endless queue here. */
const MOST_IN_FLIGHT = 1_000;

export interface ClosedLoop {
  readonly calls: number;
  /** Calls at a time: each caller waits for its answer before it calls again. */
  readonly concurrency: number;
  /** No call begins after so many milliseconds, even when calls are left. */
  readonly longestMs: number;
}

/** Makes calls 0, 1, 2, ..., a number of them at a time. */
export async function inClosedLoop(
  { calls, concurrency, longestMs }: ClosedLoop,
  call: (position: number) => Promise<void>,
): Promise<void> {
  const endAt = performance.now() + longestMs;
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < calls && performance.now() < endAt) await call(next++);
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
}

export interface SteadyRate {
  readonly callsPerSecond: number;
  readonly longestMs: number;
  /** Without end by default. */
  readonly calls?: number;
  /** Ends the calls. */
  readonly until?: AbortSignal;
}

/** Makes calls 0, 1, 2, ... at a steady rate, whether earlier ones are answered or not, and waits for all that began. */
export async function atSteadyRate(
  { callsPerSecond, longestMs, calls = Infinity, until }: SteadyRate,
  call: (position: number) => Promise<void>,
): Promise<void> {
  const inFlight = new Set<Promise<void>>();
  const startedAt = performance.now();
  for (let sent = 0; sent < calls && until?.aborted !== true && performance.now() - startedAt < longestMs;) {
    const due = Math.min(calls, ((performance.now() - startedAt) / 1_000) * callsPerSecond);
    while (sent < due && inFlight.size < MOST_IN_FLIGHT) {
      const running = call(sent++).then(() => {
        inFlight.delete(running);
      });
      inFlight.add(running);
    }
    await sleep(1);
  }
  await Promise.all(inFlight);
}
