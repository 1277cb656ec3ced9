import type { handleUnaryCall, MethodDefinition } from '@grpc/grpc-js';
import { serveCall, type CallEnvironment } from './serve-call';
import { checkParsed, encodeResponse } from './server-method';
import type { UnaryHandler } from './service-handlers';

/** Turns an async handler into a grpc-js one; see serveCall. */
export function unaryHandler(
  method: MethodDefinition<unknown, unknown>,
  handler: UnaryHandler<unknown, unknown>,
  environment: CallEnvironment,
): handleUnaryCall<unknown, Buffer> {
  return (call, callback) => {
    serveCall(
      call,
      method.path,
      environment,
      async (context) =>
        encodeResponse(method, await handler(checkParsed(call.request, 'the request', method), context)),
      callback,
    );
  };
}
