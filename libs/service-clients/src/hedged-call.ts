/** How a call is made once more. */
export interface HedgeOptions {
  /** When, milliseconds after the first time. */
  readonly afterMs: number;
  /** Time for an answer, from the first time on, milliseconds. */
  readonly timeoutMs: number;
  /** Ends both. */
  readonly signal: AbortSignal;
  /** Asked when the time has come; false: the call is not made once more. */
  readonly mayHedge: () => boolean;
  /** Asked when one has answered and the other has not; false: the other is left to end by itself. */
  readonly mayCancel: () => boolean;
}

/** One of the two times that a call is made. */
export interface Attempt {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Makes a call, and once more when it is not answered for a while (Dean and Barroso, The Tail at Scale, "hedged requests").
 * The first answer is taken and the other call cancelled; when one fails, the other decides. A call that fails before it is
 * made once more is not.
 */
export function hedgedCall<T>(
  { afterMs, timeoutMs, signal, mayHedge, mayCancel }: HedgeOptions,
  send: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  const beganAt = performance.now();
  return new Promise((resolve, reject) => {
    const running = new Set<AbortController>();
    const cancelAll = (): void => {
      for (const attempt of running) attempt.abort(signal.reason);
    };
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', cancelAll);
    };
    const begin = (leftMs: number): void => {
      const attempt = new AbortController();
      running.add(attempt);
      if (signal.aborted) attempt.abort(signal.reason);
      send({ timeoutMs: leftMs, signal: attempt.signal }).then(
        (answer) => {
          running.delete(attempt);
          settle();
          resolve(answer);
          if (running.size > 0 && mayCancel()) for (const other of running) other.abort();
        },
        (error: unknown) => {
          running.delete(attempt);
          if (running.size > 0) return;
          settle();
          reject(error as Error);
        },
      );
    };
    const timer = setTimeout(() => {
      const leftMs = timeoutMs - (performance.now() - beganAt);
      if (leftMs > 0 && !signal.aborted && mayHedge()) begin(leftMs);
    }, afterMs);
    signal.addEventListener('abort', cancelAll, { once: true });
    begin(timeoutMs);
  });
}
