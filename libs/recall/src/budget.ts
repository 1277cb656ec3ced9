import { CallAbort, MicError, toMicError } from '@mic/domain';
import type { LateBreaker } from './late-breaker';
import type { CallOptions } from './ports';

/** How a budgeted call ended. */
export type Budgeted<T> =
  | { readonly outcome: 'OK'; readonly value: T; readonly elapsedMs: number }
  | { readonly outcome: 'LATE' | 'FAILED' | 'SHED'; readonly message: string; readonly elapsedMs: number };

/** Milliseconds of a monotonic clock. */
export type Clock = () => number;

export interface BudgetOptions<T> {
  /** Time the call may take; at or below 0 it is not made. */
  readonly timeoutMs: number;
  /** The caller's own signal. */
  readonly signal: AbortSignal;
  readonly requestId: string;
  readonly clock: Clock;
  /** See CallOptions. */
  readonly hedgeAfterMs?: number;
  /** Of the part that the call is for: what was late again and again is not made. */
  readonly breaker?: LateBreaker;
  /** Whether an outcome says something of that part; each but SHED does by default. */
  readonly tells?: (ended: Budgeted<T>) => boolean;
}

/**
 * Why the signal of a call fires when its budget is over; the caller's own cancellation has another reason. Made once: an
 * abort without a reason makes an error with a stack every time.
 */
export const LATE = new MicError('DEADLINE_EXCEEDED', 'the budget of the call is over');

/**
 * Runs a call within its budget. When time is up the call's signal fires and the outcome is LATE, whatever the call does
 * afterwards; an error becomes FAILED; what its breaker refuses is SHED. Only the caller's own cancellation is thrown.
 *
 * @throws MicError CANCELLED when the caller's signal fires.
 */
export async function withinBudget<T>(
  call: (options: CallOptions) => Promise<T>,
  { timeoutMs, signal, requestId, clock, hedgeAfterMs, breaker, tells }: BudgetOptions<T>,
): Promise<Budgeted<T>> {
  const started = clock();
  const elapsedMs = (): number => clock() - started;
  if (signal.aborted) throw cancelled();
  if (timeoutMs <= 0) return { outcome: 'SHED', message: 'no time was left to try', elapsedMs: 0 };
  const refusal = breaker?.refusal(timeoutMs);
  if (typeof refusal === 'string') return { outcome: 'SHED', message: refusal, elapsedMs: 0 };
  const controller = new CallAbort();
  let stopWaiting: (() => void) | undefined;
  const interrupted = new Promise<'LATE' | 'CANCELLED'>((resolve) => {
    const timer = setTimeout(() => {
      resolve('LATE');
    }, timeoutMs);
    const onAbort = (): void => {
      resolve('CANCELLED');
    };
    signal.addEventListener('abort', onAbort, { once: true });
    stopWaiting = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
  });
  const answered = Promise.resolve()
    .then(() => call({ signal: controller.signal, requestId, timeoutMs, hedgeAfterMs }))
    .then(
      (value): Budgeted<T> => ({ outcome: 'OK', value, elapsedMs: elapsedMs() }),
      (error: unknown): Budgeted<T> => ({ ...outcomeOf(toMicError(error)), elapsedMs: elapsedMs() }),
    );
  const first = await Promise.race([answered, interrupted]);
  stopWaiting?.();
  if (typeof first !== 'string') {
    if (first.outcome === 'SHED' || tells?.(first) === false) breaker?.untold(timeoutMs);
    else if (first.outcome === 'LATE') breaker?.late(timeoutMs);
    else breaker?.answered(timeoutMs, first.elapsedMs);
    return first;
  }
  controller.abort(first === 'LATE' ? LATE : cancelled());
  if (first === 'CANCELLED') {
    breaker?.untold(timeoutMs);
    throw cancelled();
  }
  breaker?.late(timeoutMs);
  return { outcome: 'LATE', message: `no answer within ${Math.round(timeoutMs)} ms`, elapsedMs: elapsedMs() };
}

const cancelled = (): MicError => new MicError('CANCELLED', 'the caller cancelled the request');

/** A callee that ran out of time is late, one that protects itself sheds; everything else has failed. */
function outcomeOf({ code, message }: MicError): { outcome: 'LATE' | 'FAILED' | 'SHED'; message: string } {
  const outcome = code === 'DEADLINE_EXCEEDED' ? 'LATE' : code === 'RESOURCE_EXHAUSTED' ? 'SHED' : 'FAILED';
  return { outcome, message: `${code}: ${message}` };
}
