import type { Channel } from '@mic/domain';

/** What of a request is waited for, each within a budget: what is stored of the user, the user's vectors, each channel. */
export type Part = 'CONTEXT' | 'VECTORS' | Channel;

/** Late answers in a row, at budgets of about one size, after which a part is spared. */
const MOST_LATE = 20;
/** They come from at least so long, milliseconds: a process that was held up once has many late answers at once. */
const LATE_FOR_MS = 100;
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
  /** Milliseconds of a monotonic clock; performance.now by default. */
  readonly clock?: () => number;
  readonly onLate?: (event: LateEvent) => void;
}

/** How a part has fared at budgets of one size, since its last answer in time. */
interface LateRun {
  late: number;
  readonly since: number;
  /** Largest budget that was not enough, milliseconds. */
  largestMs: number;
  isSpared: boolean;
  lastTryAt: number;
}

/**
 * Spares callers the wait for a part that is late again and again: a circuit breaker (Nygard, Release It!) that knows of
 * budgets. What cannot answer in 10 ms may well do in 100, so it is kept for each size of budget, by powers of two, and nobody
 * is refused who has more time than was too little. After 20 late answers in a row, over 100 ms or more, one call each 100 ms is
 * made; the first one in time opens the way for its size, and for all that have more time than it took.
 */
export class LateBreaker {
  readonly #part: Part;
  readonly #clock: () => number;
  readonly #onLate: LateBreakerOptions['onLate'];
  readonly #runs: (LateRun | undefined)[] = [];

  constructor(part: Part, { clock = () => performance.now(), onLate }: LateBreakerOptions) {
    this.#part = part;
    this.#clock = clock;
    this.#onLate = onLate;
  }

  /** Before a call: why it must not be made, or null. */
  refusal(budgetMs: number): string | null {
    const run = this.#runs[sizeOf(budgetMs)];
    if (!run?.isSpared || budgetMs > run.largestMs) return null;
    const now = this.#clock();
    if (now - run.lastTryAt >= TRY_EVERY_MS) {
      run.lastTryAt = now;
      return null;
    }
    return (
      `not waited for: late ${run.late} times in a row, with up to ${run.largestMs.toFixed(1)} ms; ` +
      `tried every ${TRY_EVERY_MS} ms`
    );
  }

  /** After a call that had no answer within its budget. */
  late(budgetMs: number): void {
    const size = sizeOf(budgetMs);
    const now = this.#clock();
    const run = (this.#runs[size] ??= { late: 0, since: now, largestMs: 0, isSpared: false, lastTryAt: -Infinity });
    run.late++;
    run.largestMs = Math.max(run.largestMs, budgetMs);
    if (run.isSpared || run.late < MOST_LATE || now - run.since < LATE_FOR_MS) return;
    run.isSpared = true;
    this.#tell(true, size, run.late);
  }

  /** After a call that was answered, in so many milliseconds: what has more time than that has enough. */
  answered(budgetMs: number, elapsedMs: number): void {
    const enough = Math.min(sizeOf(budgetMs), sizeOf(elapsedMs) + 1);
    for (let size = enough; size < this.#runs.length; size++) {
      const run = this.#runs[size];
      this.#runs[size] = undefined;
      if (run?.isSpared) this.#tell(false, size, run.late);
    }
  }

  /** After a call that says nothing of the part: refused, cancelled, or it asked nobody. If it was a try, the next one is another. */
  untold(budgetMs: number): void {
    const run = this.#runs[sizeOf(budgetMs)];
    if (run) run.lastTryAt = -Infinity;
  }

  #tell(isSpared: boolean, size: number, late: number): void {
    this.#onLate?.({ part: this.#part, isSpared, fromMs: size === 0 ? 0 : 2 ** size, late });
  }
}

/** The breakers of all parts. They outlive a release: how late a store is does not depend on it. */
export class LateBreakers {
  readonly #options: LateBreakerOptions;
  readonly #breakers: Partial<Record<Part, LateBreaker>> = {};

  constructor(options: LateBreakerOptions = {}) {
    this.#options = options;
  }

  of(part: Part): LateBreaker {
    return (this.#breakers[part] ??= new LateBreaker(part, this.#options));
  }
}

const LARGEST_SIZE = 16;

/** 0 below 2 ms, and one more for each time that twice as much fits in. */
const sizeOf = (ms: number): number => Math.min(LARGEST_SIZE, Math.floor(Math.log2(Math.max(1, ms))));
