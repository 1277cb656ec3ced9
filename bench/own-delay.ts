const TICK_MS = 5;
/** Less is the noise of timers. */
const WORTH_NOTING_MS = 2;

/** A time in which an event loop kept things waiting; milliseconds since the epoch. */
export interface LoopDelay {
  /** At the earliest: since the tick of the record before. */
  readonly fromMs: number;
  readonly toMs: number;
  /** How long, at least: what is held up just after a tick waits up to a tick longer. */
  readonly delayMs: number;
}

/** Milliseconds since the epoch by a clock that is never set. */
export const epochMs = (): number => performance.timeOrigin + performance.now();

/** Notes when this process was held up itself: what its calls waited then is not the server's doing. */
export class OwnDelay {
  readonly #delays: LoopDelay[] = [];
  readonly #timer: NodeJS.Timeout;
  #dueAt = epochMs() + TICK_MS;

  constructor() {
    this.#timer = setInterval(() => {
      this.#tick();
    }, TICK_MS);
    this.#timer.unref();
  }

  /** All so far. */
  get delays(): readonly LoopDelay[] {
    return this.#delays;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = epochMs();
    this.#note(this.#dueAt - TICK_MS, now, now - this.#dueAt);
    this.#dueAt = now + TICK_MS;
    // The rest of this turn: what of it is longer than a tick makes the next one late.
    setImmediate(() => {
      const endMs = Math.min(epochMs(), now + TICK_MS);
      this.#note(now, endMs, endMs - now);
    });
  }

  #note(fromMs: number, toMs: number, delayMs: number): void {
    if (delayMs >= WORTH_NOTING_MS) this.#delays.push({ fromMs, toMs, delayMs });
  }
}
