import { randomUUID } from 'node:crypto';
import {
  Metadata,
  status,
  type handleUnaryCall,
  type MethodDefinition,
  type ServerUnaryCall,
  type StatusObject,
} from '@grpc/grpc-js';
import { MicError } from '@mic/domain';
import { statusOfError } from './error-status';
import type { Admission } from './admission';
import type { Logger } from './logger';
import { MAX_MESSAGE_BYTES } from './message-limit';
import type { CallContext, UnaryHandler } from './service-handlers';

export const REQUEST_ID_KEY = 'x-request-id';
/** Milliseconds within which a caller inside of the system wants the answer, where that is less than its deadline. */
export const TIMEOUT_KEY = 'mic-timeout-ms';
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/** Stands for request bytes that do not parse, because grpc-js answers INTERNAL when a deserializer throws. */
class MalformedRequest {
  constructor(readonly reason: string) {}
}

/** Why a call's signal fired; made once, because an abort without a reason makes an error with a stack every time. */
const ENDED = new MicError('CANCELLED', 'the call has ended');

/** Longest delay of a Node timer; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The method as the server sees it: parsing never throws, and the handler hands over bytes. */
export function serverMethod(method: MethodDefinition<unknown, unknown>): MethodDefinition<unknown, Buffer> {
  return {
    ...method,
    requestDeserialize: (bytes) => {
      try {
        return method.requestDeserialize(bytes);
      } catch (error) {
        return new MalformedRequest(error instanceof Error ? error.message : String(error));
      }
    },
    responseSerialize: (bytes) => bytes,
    responseDeserialize: (bytes) => bytes,
  };
}

/**
 * Turns an async handler into a grpc-js one that always answers: errors become a status by one table, the deadline and
 * cancellation reach the handler as a signal, and nothing is answered twice. Each call is one line of the log.
 */
export function unaryHandler(
  method: MethodDefinition<unknown, unknown>,
  handler: UnaryHandler<unknown, unknown>,
  { logger, admission }: { readonly logger: Logger; readonly admission: Admission },
): handleUnaryCall<unknown, Buffer> {
  return (call, callback) => {
    const startedMs = performance.now();
    const requestId = requestIdOf(call);
    const initial = new Metadata();
    initial.set(REQUEST_ID_KEY, requestId);
    call.sendMetadata(initial);

    const abort = new AbortController();
    const deadlineAtMs = Math.min(Number(call.getDeadline()), Date.now() + timeoutOf(call));
    let settled = false;
    const settle = (outcome: Buffer | StatusObject, error?: unknown): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      if (Buffer.isBuffer(outcome)) {
        log(logger, method.path, requestId, startedMs, undefined, undefined);
        callback(null, outcome);
      } else {
        log(logger, method.path, requestId, startedMs, outcome, error);
        callback(outcome);
      }
      abort.abort(ENDED); // stragglers of the handler, e.g. a channel that was left behind
    };
    const fail = (error: unknown): void => {
      settle(statusOfError(toldError(error)), error);
    };
    const pastDeadline = (): void => {
      fail(
        new MicError('DEADLINE_EXCEEDED', 'the deadline passed before the answer was ready', {
          remedy: 'allow more time, or ask for less',
        }),
      );
      abort.abort(ENDED);
    };
    const leftMs = deadlineAtMs - Date.now();
    const timer = leftMs > 0 && leftMs < LONGEST_TIMER_MS ? setTimeout(pastDeadline, leftMs) : undefined;
    if (leftMs <= 0) {
      pastDeadline();
      return;
    }
    call.on('cancelled', () => {
      // grpc-js reports its own deadline timer as a cancellation, too.
      if (Date.now() >= deadlineAtMs) pastDeadline();
      else fail(new MicError('CANCELLED', 'the caller cancelled the call'));
      abort.abort(ENDED);
    });
    const context: CallContext = {
      requestId,
      deadlineAtMs,
      signal: abort.signal,
      metadata: call.metadata,
      logger,
      deadlineLeftMs: () => Math.max(0, deadlineAtMs - Date.now()),
    };
    try {
      admission.enter();
    } catch (error) {
      fail(error);
      return;
    }
    answer(method, handler, call.request, context)
      .then(settle, fail)
      .finally(() => {
        admission.leave();
      });
  };
}

async function answer(
  method: MethodDefinition<unknown, unknown>,
  handler: UnaryHandler<unknown, unknown>,
  request: unknown,
  context: CallContext,
): Promise<Buffer> {
  if (request instanceof MalformedRequest) {
    throw new MicError('INVALID_ARGUMENT', `the request is not a valid protobuf message: ${request.reason}`, {
      remedy: `send the request message that the proto declares for ${method.path}`,
    });
  }
  const bytes = method.responseSerialize(await handler(request, context));
  if (bytes.length > MAX_MESSAGE_BYTES) {
    throw new MicError(
      'RESOURCE_EXHAUSTED',
      `the answer has ${bytes.length} bytes, more than the ${MAX_MESSAGE_BYTES} that a message may have`,
      { remedy: 'ask for less in one call' },
    );
  }
  return bytes;
}

function requestIdOf(call: ServerUnaryCall<unknown, Buffer>): string {
  const given = call.metadata.get(REQUEST_ID_KEY)[0];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

function timeoutOf(call: ServerUnaryCall<unknown, Buffer>): number {
  const given = Number.parseFloat(String(call.metadata.get(TIMEOUT_KEY)[0]));
  return given >= 0 ? given : Infinity;
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
  failure: StatusObject | undefined,
  error: unknown,
): void {
  const line = {
    method: path,
    code: status[failure?.code ?? status.OK],
    ms: Math.round((performance.now() - startedMs) * 100) / 100,
    requestId,
  };
  // Who cancels knows why; one line for each would fill the log while a caller's budget is short.
  if (failure === undefined || failure.code === status.CANCELLED) logger.debug(line, 'call');
  else if (failure.code === status.INTERNAL || failure.code === status.DATA_LOSS) {
    logger.error({ ...line, err: error }, 'call failed');
  } else logger.warn({ ...line, error: failure.details }, 'call failed');
}
