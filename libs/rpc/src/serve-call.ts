import { randomUUID } from 'node:crypto';
import { Metadata, status, type StatusObject } from '@grpc/grpc-js';
import { CallAbort, MicError } from '@mic/domain';
import type { Admission } from './admission';
import { statusOfError } from './error-status';
import type { Logger } from './logger';
import type { OneWayDelays } from './one-way-delay';
import type { CallContext } from './service-handlers';

export const REQUEST_ID_KEY = 'x-request-id';
/**
 * Milliseconds within which the caller wants the answer, and its grace: for how long after that it still waits, e.g.
 * `20.000;grace=8` (an item with a parameter, RFC 8941). Its gRPC deadline is as late as that, or later.
 */
export const TIMEOUT_KEY = 'mic-timeout-ms';
/** When the caller sent the request, by its own clock: see OneWayDelays. */
export const SENT_AT_KEY = 'mic-sent-at';
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/** Why a call's signal fired; made once, because an abort without a reason makes an error with a stack every time. */
const ENDED = new MicError('CANCELLED', 'the call has ended');

/** Longest delay of a Node timer; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What a call has of itself, of whatever kind it is. */
export interface ServerCall {
  readonly metadata: Metadata;
  getDeadline(): Date | number;
  sendMetadata(metadata: Metadata): void;
  on(event: 'cancelled', listener: () => void): unknown;
}

/** What calls of a server share. */
export interface CallEnvironment {
  readonly logger: Logger;
  readonly admission: Admission;
  /** See ServerOptions.answersInGrace. */
  readonly answersInGrace: boolean;
  readonly delays: OneWayDelays;
  /** Whether the calls are streams: see Admission. */
  readonly isStream?: boolean;
}

const GRACE = /;\s*grace=(\d+(?:\.\d+)?)\s*(?:;|$)/;
/** A request that waited for its time and so much more came too late (OneWayDelays), milliseconds: a clock that jumps by more shows soon. */
const IN_TIME_BEYOND_MS = 30;
/** Of a caller that does not say it, milliseconds. */
const USUAL_GRACE_MS = 8;
/** So long before the end of its caller's grace an answer is no longer sent: then the word that there is none must be on its way. */
const WAY_BACK_MS = 3;

/** Takes the one end of a call: its status where it failed, else what the work gave. */
type Respond<Response> = (failure: StatusObject | null, response?: Response) => void;

/**
 * Answers a call, always and once: errors become a status by one table, the deadline and cancellation reach the work as a
 * signal, and no more calls run than are admitted. Each call is one line of the log.
 * @param work gives what is left to send: the encoded response.
 */
export function serveCall<Response = Buffer>(
  call: ServerCall,
  path: string,
  environment: CallEnvironment,
  work: (context: CallContext) => Promise<Response>,
  respond: Respond<Response>,
): void {
  const startedMs = performance.now();
  const requestId = requestIdOf(call);
  const initial = new Metadata();
  initial.set(REQUEST_ID_KEY, requestId);
  call.sendMetadata(initial);

  const abort = new CallAbort();
  const { logger, admission, isStream = false } = environment;
  const { deadlineAtMs, endsAtMs } = timesOf(call, environment);
  let settled = false;
  const settle = (failure: StatusObject | null, response?: Response, error?: unknown): void => {
    if (settled) return;
    settled = true;
    clearTimeout(timer);
    log(logger, path, requestId, startedMs, failure, error);
    if (failure === null) respond(null, response);
    else respond(failure);
    abort.abort(ENDED); // stragglers of the handler, e.g. a channel that was left behind
  };
  const fail = (error: unknown): void => {
    settle(statusOfError(toldError(error)), undefined, error);
  };
  const pastDeadline = (): void => {
    fail(
      new MicError('DEADLINE_EXCEEDED', 'the deadline passed before the answer was ready', {
        remedy: 'allow more time, or ask for less',
      }),
    );
    abort.abort(ENDED);
  };
  const endsInMs = endsAtMs - Date.now();
  const timer = endsInMs > 0 && endsInMs < LONGEST_TIMER_MS ? setTimeout(pastDeadline, endsInMs) : undefined;
  if (endsInMs <= 0) {
    pastDeadline();
    return;
  }
  call.on('cancelled', () => {
    // It comes at the end of every call, too.
    if (settled) return;
    // grpc-js reports its own deadline timer as a cancellation, too.
    if (Date.now() >= endsAtMs) pastDeadline();
    else fail(new MicError('CANCELLED', 'the caller cancelled the call'));
    abort.abort(ENDED);
  });
  let isPressed: boolean;
  try {
    isPressed = admission.enter(deadlineAtMs - Date.now(), endsInMs, isStream);
  } catch (error) {
    fail(error);
    return;
  }
  const context: CallContext = {
    requestId,
    deadlineAtMs,
    signal: abort.signal,
    metadata: call.metadata,
    logger,
    deadlineLeftMs: () => Math.max(0, deadlineAtMs - Date.now()),
    isPressed,
  };
  work(context)
    .then((response) => {
      settle(null, response);
    }, fail)
    .finally(() => {
      admission.leave(isPressed, isStream);
    });
}

/** When the answer is due, and when it is too late: milliseconds since the epoch. */
function timesOf(
  call: ServerCall,
  { answersInGrace, delays, isStream = false }: CallEnvironment,
): { readonly deadlineAtMs: number; readonly endsAtMs: number } {
  const now = Date.now();
  const callerWaitsMs = Number(call.getDeadline()) - now;
  const wanted = timeoutOf(call);
  const timeoutMs = Math.min(callerWaitsMs, wanted.timeoutMs);
  const usesGrace = answersInGrace && !isStream;
  const endsInMs = usesGrace
    ? Math.max(timeoutMs, Math.min(callerWaitsMs, timeoutMs + wanted.graceMs) - WAY_BACK_MS)
    : timeoutMs;
  // Both are told as what was left when the request was sent.
  const inTimeMs = Math.min(callerWaitsMs, timeoutMs + IN_TIME_BEYOND_MS);
  const sentAtMs = now - delays.waitedMs(call.metadata.get(SENT_AT_KEY)[0], inTimeMs);
  return { deadlineAtMs: sentAtMs + timeoutMs, endsAtMs: sentAtMs + endsInMs };
}

function requestIdOf(call: ServerCall): string {
  const given = call.metadata.get(REQUEST_ID_KEY)[0];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

/** What TIMEOUT_KEY says; what is no number counts as not said. */
function timeoutOf(call: ServerCall): { readonly timeoutMs: number; readonly graceMs: number } {
  const given = String(call.metadata.get(TIMEOUT_KEY)[0]);
  const timeoutMs = Number.parseFloat(given);
  return {
    timeoutMs: Number.isNaN(timeoutMs) ? Infinity : Math.max(0, timeoutMs),
    graceMs: Number(GRACE.exec(given)?.[1] ?? USUAL_GRACE_MS),
  };
}

/** What the caller is told: our own errors as they are; of anything else only that it happened. */
function toldError(error: unknown): MicError {
  if (error instanceof MicError) return error;
  return new MicError('INTERNAL', 'internal error', { remedy: 'report it with the request id of this call' });
}

function log(
  logger: Logger,
  path: string,
  requestId: string,
  startedMs: number,
  failure: StatusObject | null,
  error: unknown,
): void {
  const line = {
    method: path,
    code: status[failure?.code ?? status.OK],
    ms: Math.round((performance.now() - startedMs) * 100) / 100,
    requestId,
  };
  // Who cancels knows why; one line for each would fill the log while a caller's budget is short.
  if (failure === null || failure.code === status.CANCELLED) logger.debug(line, 'call');
  else if (failure.code === status.INTERNAL || failure.code === status.DATA_LOSS) {
    logger.error({ ...line, err: error }, 'call failed');
  } else logger.warn({ ...line, error: failure.details }, 'call failed');
}
