/** Calls that may be cancelled within a second. */
const MOST_A_SECOND = 20;

/**
 * How many calls of a connection may be cancelled because another answer came first. A cancelled call is a reset of its HTTP/2
 * stream, and Node's HTTP/2 ends a connection with more than 33 resets a second; beyond 20 a call is left to end by itself.
 */
export class CancelAllowance {
  readonly #clock: () => number;
  #left = MOST_A_SECOND;
  #refilledAt: number;

  /** @param clock milliseconds; performance.now by default. */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
    this.#refilledAt = clock();
  }

  /** @returns false when no call may be cancelled now. */
  take(): boolean {
    const now = this.#clock();
    this.#left = Math.min(MOST_A_SECOND, this.#left + ((now - this.#refilledAt) * MOST_A_SECOND) / 1_000);
    this.#refilledAt = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
