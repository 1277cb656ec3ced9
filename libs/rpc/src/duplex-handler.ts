import type { handleBidiStreamingCall, MethodDefinition, ServerDuplexStream } from '@grpc/grpc-js';
import { MicError } from '@mic/domain';
import { serveCall, type CallEnvironment } from './serve-call';
import { encodeResponse } from './server-method';
import type { DuplexHandler } from './service-handlers';
import { requestsOf, streamEnding, type StreamLimits } from './stream-requests';

/** Time in which a slow reader may take what is finished when its stream has been ended, milliseconds. */
const LAST_RESPONSES_MS = 10_000;

export interface DuplexLimits extends StreamLimits {
  /** See LAST_RESPONSES_MS. */
  readonly lastResponsesMs?: number;
}

/**
 * Turns an async handler of a stream of requests and a stream of responses into a grpc-js one; see serveCall. The next
 * response is asked for when the one before is on its way, so that a slow reader holds the handler back. When the server
 * drains, or the stream is too old, the requests end with MicError UNAVAILABLE: what the handler gives for those that it
 * has taken is still sent, and then its error.
 */
export function duplexHandler(
  method: MethodDefinition<unknown, unknown>,
  handler: DuplexHandler<unknown, unknown>,
  environment: CallEnvironment,
  { lastResponsesMs = LAST_RESPONSES_MS, ...limits }: DuplexLimits,
): handleBidiStreamingCall<unknown, Buffer> {
  return (call) => {
    serveCall<null>(
      call,
      method.path,
      { ...environment, isStream: true },
      async (context) => {
        const ending = streamEnding(context, limits);
        const gone = goneAfter(ending.signal, lastResponsesMs);
        try {
          for await (const response of handler(requestsOf(call, method, ending.signal), context)) {
            if (context.signal.aborted) break;
            await written(call, encodeResponse(method, response), context.signal, gone.signal);
          }
          return null;
        } finally {
          ending.release();
          gone.release();
        }
      },
      (failure) => {
        // grpc-js sends the status of an 'error' behind what was written before.
        if (failure === null) call.end();
        else call.emit('error', failure);
      },
    );
  };
}

/** Fires some time after a stream was ended: its reader takes nothing. */
function goneAfter(ending: AbortSignal, afterMs: number): { readonly signal: AbortSignal; release(): void } {
  const gone = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const wait = (): void => {
    timer = setTimeout(() => {
      const message = 'the stream was ended, and what was finished was not read in time';
      gone.abort(new MicError('UNAVAILABLE', message, { remedy: 'go on behind the last response in another stream' }));
    }, afterMs);
  };
  ending.addEventListener('abort', wait, { once: true });
  return {
    signal: gone.signal,
    release: () => {
      ending.removeEventListener('abort', wait);
      clearTimeout(timer);
    },
  };
}

/** Resolves when HTTP/2 has taken the bytes, or the call is over. @throws the reason of `gone` when that fires first. */
function written(
  call: ServerDuplexStream<unknown, Buffer>,
  bytes: Buffer,
  over: AbortSignal,
  gone: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      over.removeEventListener('abort', done);
      gone.removeEventListener('abort', giveUp);
      resolve();
    };
    const giveUp = (): void => {
      over.removeEventListener('abort', done);
      reject(gone.reason as Error);
    };
    if (gone.aborted) {
      giveUp();
      return;
    }
    over.addEventListener('abort', done, { once: true });
    gone.addEventListener('abort', giveUp, { once: true });
    call.write(bytes, done);
  });
}
