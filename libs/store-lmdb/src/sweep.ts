/**
 * Repeats a piece of upkeep in the background: never twice at a time, and without keeping the process. An error of it is
 * left to the next round; what calls meet of the same they report themselves.
 */
export class Sweep {
  readonly #ending = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  /** @param sweep ends soon after its signal fires. */
  constructor(sweep: (signal: AbortSignal) => Promise<unknown>, everyMs: number) {
    const again = (): void => {
      if (this.#ending.signal.aborted) return;
      this.#timer = setTimeout(() => {
        this.#running = sweep(this.#ending.signal)
          .catch(() => undefined)
          .then(again);
      }, everyMs);
      this.#timer.unref();
    };
    again();
  }

  /** Resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    this.#ending.abort();
    clearTimeout(this.#timer);
    await this.#running;
  }
}
