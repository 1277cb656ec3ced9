import { CallAbort, MicError, toMicError, type ReleaseId } from '@mic/domain';
import type { CallOptions } from '@mic/recall';
import type { UnaryOptions } from '@mic/rpc';
import { CancelAllowance } from './cancel-allowance';
import { CircuitBreaker, type BreakerEvent } from './circuit-breaker';
import { HedgeBudget } from './hedge-budget';
import { hedgedCall } from './hedged-call';
import { isRead, type Rpc } from './rpcs';

/** The release that a caller has open: every call of a service names it, and whoever has another one refuses. */
export interface CallersRelease {
  readonly releaseId: ReleaseId;
  readonly manifestSha256: string;
}

/** For callers that set no limit, milliseconds. */
const DEFAULT_TIMEOUT_MS = 10_000;
/** How long after a call's time a service may still say that it is late, milliseconds. */
const GRACE_MS = 30;

export interface ServiceCallerOptions {
  /** Told when an RPC's breaker opens or closes, for the log and the metrics. */
  readonly onBreaker?: (event: BreakerEvent) => void;
}

/** How the calls of one RPC have fared. */
interface RpcState {
  readonly breaker: CircuitBreaker;
  /** Null where it is never made once more. */
  readonly hedges: HedgeBudget | null;
}

/**
 * Calls to one service: deadline and request id travel on, errors name the service, a slow read is made once more where the
 * caller says when (`hedgeAfterMs`), and an RPC that fails again and again is spared (CircuitBreaker).
 */
export class ServiceCaller {
  readonly #service: string;
  readonly #onBreaker: ServiceCallerOptions['onBreaker'];
  readonly #states = new Map<Rpc, RpcState>();
  readonly #cancels = new CancelAllowance();

  /** @param service as in deployments, e.g. `ann-service`. */
  constructor(service: string, { onBreaker }: ServiceCallerOptions = {}) {
    this.#service = service;
    this.#onBreaker = onBreaker;
  }

  /**
   * Makes a call with the options that `unary` takes. When only time is up, the call is left to the service, which knows
   * its time and ends it by itself; when the caller has gone, it is cancelled.
   *
   * @throws MicError RESOURCE_EXHAUSTED (of a write UNAVAILABLE) at once while the RPC's breaker is open; else what the service said, or UNAVAILABLE,
   *   DEADLINE_EXCEEDED, CANCELLED.
   */
  async call<T>(rpc: Rpc, options: CallOptions, send: (options: UnaryOptions) => Promise<T>): Promise<T> {
    const state = this.#stateOf(rpc);
    state.breaker.enter();
    state.hedges?.earn();
    const { signal } = options;
    const gone = new CallAbort();
    const onAbort = (): void => {
      if (!(signal.reason instanceof MicError) || signal.reason.code !== 'DEADLINE_EXCEEDED') gone.abort(signal.reason);
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const answer = await this.#send(state, options, gone, send);
      state.breaker.answered();
      return answer;
    } catch (error) {
      const told = toMicError(error);
      state.breaker.failed(told);
      const { code, message, remedy, subject } = told;
      throw new MicError(code, `the ${this.#service}: ${message}`, { remedy, subject, cause: error });
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  #send<T>(
    { breaker, hedges }: RpcState,
    { signal, requestId, timeoutMs = DEFAULT_TIMEOUT_MS, hedgeAfterMs }: CallOptions,
    gone: CallAbort,
    send: (options: UnaryOptions) => Promise<T>,
  ): Promise<T> {
    if (hedgeAfterMs === undefined || hedges === null || breaker.isOpen) {
      return send({ deadlineMs: timeoutMs, graceMs: GRACE_MS, requestId, signal: gone.signal });
    }
    const options = {
      afterMs: hedgeAfterMs,
      timeoutMs,
      first: gone,
      mayHedge: () => !signal.aborted && !breaker.isOpen && hedges.take(),
      mayCancel: () => this.#cancels.take(),
    };
    return hedgedCall(options, (attempt) =>
      send({ deadlineMs: attempt.timeoutMs, graceMs: GRACE_MS, requestId, signal: attempt.signal }),
    );
  }

  #stateOf(rpc: Rpc): RpcState {
    const known = this.#states.get(rpc);
    if (known) return known;
    const breaker = new CircuitBreaker({ service: this.#service, rpc, onBreaker: this.#onBreaker });
    const state = { breaker, hedges: isRead(rpc) ? new HedgeBudget() : null };
    this.#states.set(rpc, state);
    return state;
  }

  /** @throws MicError FAILED_PRECONDITION when an answer is of another release than the one asked for. */
  checkAnswered(asked: ReleaseId, answered: string): void {
    if (answered === asked) return;
    throw new MicError('FAILED_PRECONDITION', `the ${this.#service} answered from release ${answered}, not ${asked}`, {
      subject: 'release_id',
      remedy: `run a version of the ${this.#service} that pins requests to their release`,
    });
  }
}

/** The release as requests name it. @throws MicError FAILED_PRECONDITION when another one than the caller's is asked for. */
export function wantedOnWire(open: CallersRelease, asked: ReleaseId): { releaseId: string; manifestSha256: string } {
  if (asked === open.releaseId) return { ...open };
  throw new MicError('FAILED_PRECONDITION', `release ${asked} is asked for, ${open.releaseId} is open here`, {
    subject: 'release_id',
    remedy: 'ask for the release that is served',
  });
}
