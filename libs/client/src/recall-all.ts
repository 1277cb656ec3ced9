import type { RecallStreamRequest, RecallStreamResponse } from '@mic/contracts';
import { MicError } from '@mic/domain';
import { isFromService, type ClientStreamOptions } from '@mic/rpc';
import { callErrorOf, callErrorOfResult, MicCallError } from './call-error';
import { fromWireResponse } from './from-wire';
import { PendingRequests, type PendingRequest } from './pending-requests';
import { pause, pauseMs } from './repeat';
import type { RecallRequest } from './requests';
import type { RecallAnswer } from './responses';

/** Streams in a row that may end at once, without a single answer. */
const MAX_FRUITLESS = 8;
/** A stream that lives longer did not fail at once, even if nothing was asked in it, milliseconds. */
const AT_ONCE_MS = 10_000;

/** Opens one stream, as duplexStream does. */
export type OpenStream = (
  requests: AsyncIterable<RecallStreamRequest>,
  options: ClientStreamOptions,
) => AsyncIterable<RecallStreamResponse>;

/**
 * An answer for each request, in the same order, over one stream after the other: where one is cut, or ended by the service
 * because it is old or the service stops, the next goes on behind the last answer, after a pause.
 *
 * @param options deadlineMs is that of all streams together. The second stream has the request id ID-2, and so on.
 * @throws MicCallError when a stream fails otherwise, or 8 in a row end at once; what `requests` throws.
 */
export async function* recallAll(
  open: OpenStream,
  requests: Iterable<RecallRequest> | AsyncIterable<RecallRequest>,
  options: ClientStreamOptions & { readonly requestId: string },
  atOnceMs = AT_ONCE_MS,
): AsyncGenerator<RecallAnswer, void, undefined> {
  const { deadlineMs, signal } = options;
  const endMs = deadlineMs === undefined ? undefined : performance.now() + deadlineMs;
  const pending = new PendingRequests(requests);
  let fruitless = 0;
  try {
    for (let stream = 1; ; stream++) {
      const requestId = stream === 1 ? options.requestId : `${options.requestId}-${stream}`;
      const leftMs = endMs === undefined ? undefined : Math.max(1, endMs - performance.now());
      const startMs = performance.now();
      let answers = 0;
      try {
        for await (const answer of open(pending.send(), { deadlineMs: leftMs, requestId, signal })) {
          yield answerOf(pending.take(), answer, `${requestId}/${answers++}`);
        }
        if (pending.isDone) return;
        throw malformed('the stream ended before the last answer');
      } catch (error) {
        if (pending.isBroken) throw error;
        fruitless = answers === 0 && performance.now() - startMs < atOnceMs ? fruitless + 1 : 0;
        if (signal?.aborted === true || !isCut(error) || fruitless === MAX_FRUITLESS) {
          throw callErrorOf(error, requestId);
        }
        await pause(pauseMs(fruitless), signal).catch((cancelled: unknown) => {
          throw callErrorOf(cancelled, requestId);
        });
      }
    }
  } finally {
    pending.close();
  }
}

/** True when another stream may go on: the service is away for now, or something between has cut the connection. */
function isCut(error: unknown): boolean {
  if (!(error instanceof MicError)) return false;
  if (error.code === 'UNAVAILABLE') return true;
  return (
    (error.code === 'CANCELLED' || error.code === 'INTERNAL') && error.cause !== undefined && !isFromService(error)
  );
}

function answerOf(pending: PendingRequest | undefined, { result }: RecallStreamResponse, id: string): RecallAnswer {
  if (pending === undefined) throw malformed('more answers than requests');
  const { request, error } = pending;
  if (error) return { request, error: new MicCallError(error, id) };
  if (result?.response) return { request, response: fromWireResponse(result.response) };
  if (result?.error) return { request, error: callErrorOfResult(withoutPlace(result.error), id) };
  throw malformed('a result without response and error');
}

/** The place in the stream says nothing to a caller who does not see streams. */
function withoutPlace<T extends { readonly message: string; readonly subject: string }>(error: T): T {
  const strip = (text: string): string => text.replace(/^messages\[\d+\]\./, '');
  return { ...error, message: strip(error.message), subject: strip(error.subject) };
}

function malformed(what: string): MicError {
  return new MicError('INTERNAL', `the answer is malformed: ${what}`, { remedy: 'report it with the request id' });
}
