import { CallAbort, MicError } from '@mic/domain';

/** How a call is made once more. */
export interface HedgeOptions {
  /** When, milliseconds after the first time. */
  readonly afterMs: number;
  /** Time for an answer, from the first time on, milliseconds. */
  readonly timeoutMs: number;
  /** Of the first call; whoever aborts it from outside ends both. */
  readonly first: CallAbort;
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

/** Why the other call is cancelled. Made once, as LATE of a budget. */
const ANSWERED = new MicError('CANCELLED', 'the same call has been answered');

/**
 * Makes a call, and once more when it is not answered for a while (Dean and Barroso, The Tail at Scale, "hedged requests").
 * The first answer is taken and the other call cancelled; when one fails, the other decides. A call that fails before it is
 * made once more is not.
 */
export function hedgedCall<T>(
  { afterMs, timeoutMs, first, mayHedge, mayCancel }: HedgeOptions,
  send: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  const beganAt = performance.now();
  return new Promise((resolve, reject) => {
    let running = 0;
    const begin = (own: CallAbort, other: () => CallAbort | null, leftMs: number): void => {
      running++;
      send({ timeoutMs: leftMs, signal: own.signal }).then(
        (answer) => {
          running--;
          clearTimeout(timer);
          resolve(answer);
          if (running > 0 && mayCancel()) other()?.abort(ANSWERED);
        },
        (error: unknown) => {
          running--;
          clearTimeout(timer);
          if (running === 0) reject(error as Error);
        },
      );
    };
    let second: CallAbort | null = null;
    const timer = setTimeout(() => {
      const leftMs = timeoutMs - (performance.now() - beganAt);
      if (leftMs <= 0 || !mayHedge()) return;
      const hedge = (second = new CallAbort());
      first.signal.addEventListener('abort', () => {
        hedge.abort(first.signal.reason);
      });
      begin(hedge, () => first, leftMs);
    }, afterMs);
    begin(first, () => second, timeoutMs);
  });
}
