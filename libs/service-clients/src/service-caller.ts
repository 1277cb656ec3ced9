import { MicError, toMicError, type ReleaseId } from '@mic/domain';
import type { CallOptions } from '@mic/recall';
import { isFromService, type UnaryOptions } from '@mic/rpc';
import { Silence } from './silence';

/** The release that a caller has open: every call of a service names it, and whoever has another one refuses. */
export interface CallersRelease {
  readonly releaseId: ReleaseId;
  readonly manifestSha256: string;
}

/** For callers that set no limit, milliseconds. */
const DEFAULT_TIMEOUT_MS = 10_000;
/** How long after a call's time a service may still say that it is late, milliseconds. */
const GRACE_MS = 30;

/** Calls to one service: deadline and request id travel on, errors name the service, silence is noticed. */
export class ServiceCaller {
  readonly #service: string;
  readonly #silence: Silence;

  /** @param service as in deployments, e.g. `ann-service`. */
  constructor(service: string) {
    this.#service = service;
    this.#silence = new Silence(service);
  }

  /**
   * Makes a call with the options that `unary` takes. When only time is up, the call is left to the service, which knows
   * its time and ends it by itself; when the caller has gone, it is cancelled.
   */
  async call<T>(
    { signal, requestId, timeoutMs }: CallOptions,
    send: (options: UnaryOptions) => Promise<T>,
  ): Promise<T> {
    this.#silence.enter();
    const gone = new AbortController();
    const onAbort = (): void => {
      if (!(signal.reason instanceof MicError) || signal.reason.code !== 'DEADLINE_EXCEEDED') gone.abort(signal.reason);
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const deadlineMs = timeoutMs ?? DEFAULT_TIMEOUT_MS;
      const answer = await send({ deadlineMs, graceMs: GRACE_MS, requestId, signal: gone.signal });
      this.#silence.answered();
      return answer;
    } catch (error) {
      const told = toMicError(error);
      if (told.code === 'DEADLINE_EXCEEDED' && !isFromService(told)) this.#silence.unanswered();
      else if (told.code !== 'CANCELLED') this.#silence.answered();
      const { code, message, remedy, subject } = told;
      throw new MicError(code, `the ${this.#service}: ${message}`, { remedy, subject, cause: error });
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
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
