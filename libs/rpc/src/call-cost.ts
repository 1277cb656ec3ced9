import { performance } from 'node:perf_hooks';

/** Calls that the mean follows. */
const MEMORY = 32;

/**
 * How long the event loop works for one call, whatever else it does meanwhile: a mean that follows the last calls (ours). Time
 * in which no call runs, and time in which the loop waits, does not count.
 */
export class CallCost {
  readonly #workMs: () => number;
  #meanMs = 0;
  #countedMs = 0;

  /** @param workMs how long the event loop has worked so far, milliseconds; by default as Node counts it. */
  constructor(workMs: () => number = () => performance.eventLoopUtilization().active) {
    this.#workMs = workMs;
  }

  /** 0 until a call has ended. */
  get meanMs(): number {
    return this.#meanMs;
  }

  /** A call begins when none runs. */
  begin(): void {
    this.#countedMs = this.#workMs();
  }

  /** A call has ended. */
  ended(): void {
    const workMs = this.#workMs();
    this.#meanMs += (workMs - this.#countedMs - this.#meanMs) / MEMORY;
    this.#countedMs = workMs;
  }
}
