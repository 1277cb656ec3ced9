import type { handleClientStreamingCall, MethodDefinition, ServerReadableStream } from '@grpc/grpc-js';
import { MicError } from '@mic/domain';
import { serveCall, type CallEnvironment } from './serve-call';
import { checkParsed, encodeResponse } from './server-method';
import type { ClientStreamHandler } from './service-handlers';

/** What ends a stream before its last message. */
export interface StreamLimits {
  /** Fires when the server begins to drain. */
  readonly draining: AbortSignal;
  /** A stream that is older is ended, milliseconds. */
  readonly maxAgeMs: number;
}

/**
 * Turns an async handler of a stream of requests into a grpc-js one; see serveCall. When the server drains, or the stream
 * is too old, the requests end with MicError UNAVAILABLE: what the handler has taken until then it can finish.
 */
export function clientStreamHandler(
  method: MethodDefinition<unknown, unknown>,
  handler: ClientStreamHandler<unknown, unknown>,
  environment: CallEnvironment,
  { draining, maxAgeMs }: StreamLimits,
): handleClientStreamingCall<unknown, Buffer> {
  return (call, callback) => {
    serveCall(
      call,
      method.path,
      environment,
      async (context) => {
        const ending = new AbortController();
        const end = (why: string): void => {
          ending.abort(new MicError('UNAVAILABLE', why, { remedy: 'open another stream' }));
        };
        const onDrain = (): void => {
          end('the service is stopping');
        };
        const onCallEnd = (): void => {
          ending.abort(context.signal.reason);
        };
        const timer = setTimeout(() => {
          end(`the stream is older than ${maxAgeMs} ms`);
        }, maxAgeMs);
        draining.addEventListener('abort', onDrain, { once: true });
        context.signal.addEventListener('abort', onCallEnd, { once: true });
        if (draining.aborted) onDrain();
        try {
          return encodeResponse(method, await handler(requestsOf(call, method, ending.signal), context));
        } finally {
          clearTimeout(timer);
          draining.removeEventListener('abort', onDrain);
        }
      },
      callback,
    );
  };
}

/** The messages of a stream, taken from the wire as they are asked for. Throws the signal's reason when it fires. */
async function* requestsOf(
  call: ServerReadableStream<unknown, Buffer>,
  method: MethodDefinition<unknown, unknown>,
  ending: AbortSignal,
): AsyncGenerator<unknown> {
  let wake = (): void => undefined;
  let isOver = false;
  const look = (): void => {
    wake();
  };
  const over = (): void => {
    isOver = true;
    wake();
  };
  call.on('readable', look).on('end', over).on('close', over);
  ending.addEventListener('abort', look, { once: true });
  for (let index = 0; ;) {
    if (ending.aborted) throw ending.reason as Error;
    const message = call.read() as unknown;
    if (message !== null) yield checkParsed(message, `messages[${index++}]`, method);
    else if (isOver) return;
    else await new Promise<void>((resolve) => (wake = resolve));
  }
}
