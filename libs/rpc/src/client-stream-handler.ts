import type { handleClientStreamingCall, MethodDefinition } from '@grpc/grpc-js';
import { serveCall, type CallEnvironment } from './serve-call';
import { encodeResponse } from './server-method';
import type { ClientStreamHandler } from './service-handlers';
import { requestsOf, streamEnding, type StreamLimits } from './stream-requests';

/**
 * Turns an async handler of a stream of requests into a grpc-js one; see serveCall. When the server drains, or the stream
 * is too old, the requests end with MicError UNAVAILABLE: what the handler has taken until then it can finish.
 */
export function clientStreamHandler(
  method: MethodDefinition<unknown, unknown>,
  handler: ClientStreamHandler<unknown, unknown>,
  environment: CallEnvironment,
  limits: StreamLimits,
): handleClientStreamingCall<unknown, Buffer> {
  return (call, callback) => {
    serveCall(
      call,
      method.path,
      { ...environment, isStream: true },
      async (context) => {
        const ending = streamEnding(context, limits);
        try {
          return encodeResponse(method, await handler(requestsOf(call, method, ending.signal), context));
        } finally {
          ending.release();
        }
      },
      callback,
    );
  };
}
