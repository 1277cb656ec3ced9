/** What a history keeps at one moment. */
export interface HistoryBounds {
  /** Events of a user: the newest ones. */
  readonly cap: number;
  /** Events before that moment (ms since the epoch) are not kept; -Infinity: none is too old. */
  readonly oldestMs: number;
}

export interface HistoryRetentionOptions {
  /** Events kept per user: the newest ones. 1,000 by default. */
  readonly historyCap?: number;
  /** An event that is older, by its own time, is neither returned nor kept, milliseconds; Infinity by default. */
  readonly historyTtlMs?: number;
  /** The time, milliseconds since the epoch; for tests. */
  readonly nowMs?: () => number;
}

/** How long a store keeps events. */
export class HistoryRetention {
  readonly #cap: number;
  readonly #ttlMs: number;
  readonly #nowMs: () => number;

  constructor({ historyCap = 1_000, historyTtlMs = Infinity, nowMs = Date.now }: HistoryRetentionOptions) {
    this.#cap = historyCap;
    this.#ttlMs = historyTtlMs;
    this.#nowMs = nowMs;
  }

  /** False when events of any age are kept. */
  get hasTtl(): boolean {
    return this.#ttlMs < Infinity;
  }

  /** What is kept now. */
  bounds(): HistoryBounds {
    return { cap: this.#cap, oldestMs: this.hasTtl ? this.#nowMs() - this.#ttlMs : -Infinity };
  }

  /** The first whole millisecond at which an event of that time is too old; Infinity for never. */
  expiresAtMs(timeMs: number): number {
    return Math.floor(timeMs + this.#ttlMs) + 1;
  }
}
