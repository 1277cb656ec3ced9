import type { Channel } from '@mic/domain';

/** What of a request is waited for, each within a budget: what is stored of the user, the user's vectors, each channel. */
export type Part = 'CONTEXT' | 'VECTORS' | Channel;

/** Late answers in a row, at budgets of about one size, after which a part is spared. */
const MOST_LATE = 20;
/** While it is spared, it is asked this often, milliseconds. */
const TRY_EVERY_MS = 100;

/** A part is spared at budgets of a size, or is not any more. */
export interface LateEvent {
  readonly part: Part;
  readonly isSpared: boolean;
  /** The size: budgets from this one to twice as much, milliseconds. */
  readonly fromMs: number;
  /** Late answers in a row. */
  readonly late: number;
}

export interface LateBreakerOptions {
  /** Milliseconds of a monotonic clock. */
  readonly clock: () => number;
  readonly onLate?: (event: LateEvent) => void;
}

/** How a part has fared at budgets of one size. */
interface Fared {
  late: number;
  lastTryAt: number;
}

/**
 * Spares callers the wait for a part that is late again and again: a circuit breaker (Nygard, Release It!) that knows of
 * budgets. What cannot answer in 10 ms may well do in 100, so it is kept for each size of budget, by powers of two, and a
 * caller with more time is never refused for those with less. After 20 late answers in a row one call each 100 ms is made; the
 * first that is in time, also at a smaller budget, opens the way for all.
 */
export class LateBreaker {
  readonly #part: Part;
  readonly #clock: () => number;
  readonly #onLate: LateBreakerOptions['onLate'];
  readonly #sizes: (Fared | undefined)[] = [];

  constructor(part: Part, { clock, onLate }: LateBreakerOptions) {
    this.#part = part;
    this.#clock = clock;
    this.#onLate = onLate;
  }

  /** Before a call: why it must not be made, or null. */
  refusal(budgetMs: number): string | null {
    const size = sizeOf(budgetMs);
    const fared = this.#sizes[size];
    if (!fared || fared.late < MOST_LATE) return null;
    const now = this.#clock();
    if (now - fared.lastTryAt >= TRY_EVERY_MS) {
      fared.lastTryAt = now;
      return null;
    }
    return (
      `not waited for: late ${fared.late} times in a row at budgets of ${fromMs(size)} to ${fromMs(size + 1)} ms; ` +
      `tried every ${TRY_EVERY_MS} ms`
    );
  }

  /** After a call that had no answer within its budget. */
  late(budgetMs: number): void {
    const size = sizeOf(budgetMs);
    const fared = (this.#sizes[size] ??= { late: 0, lastTryAt: -Infinity });
    fared.late++;
    if (fared.late === MOST_LATE) this.#tell(true, size, fared.late);
  }

  /** After a call that was answered, in so many milliseconds: what has more time than that has enough. */
  answered(budgetMs: number, elapsedMs: number): void {
    const enough = Math.min(sizeOf(budgetMs), sizeOf(elapsedMs) + 1);
    for (let size = enough; size < this.#sizes.length; size++) {
      const fared = this.#sizes[size];
      if (!fared || fared.late === 0) continue;
      const { late } = fared;
      this.#sizes[size] = undefined;
      if (late >= MOST_LATE) this.#tell(false, size, late);
    }
  }

  #tell(isSpared: boolean, size: number, late: number): void {
    this.#onLate?.({ part: this.#part, isSpared, fromMs: fromMs(size), late });
  }
}

/** The breakers of all parts. */
export class LateBreakers {
  readonly #options: LateBreakerOptions;
  readonly #breakers: Partial<Record<Part, LateBreaker>> = {};

  constructor(options: LateBreakerOptions) {
    this.#options = options;
  }

  of(part: Part): LateBreaker {
    return (this.#breakers[part] ??= new LateBreaker(part, this.#options));
  }
}

const LARGEST_SIZE = 16;

/** 0 below 2 ms, and one more for each time that twice as much fits in. */
const sizeOf = (ms: number): number => Math.min(LARGEST_SIZE, Math.floor(Math.log2(Math.max(1, ms))));

const fromMs = (size: number): number => (size === 0 ? 0 : 2 ** size);
