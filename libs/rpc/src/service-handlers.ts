import type { Metadata, MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import type { Logger } from './logger';

/** What a handler knows of its call beside the request. */
export interface CallContext {
  /** The caller's `x-request-id`, or a random UUID. */
  readonly requestId: string;
  /** When the answer is due: milliseconds since the epoch; Infinity when the caller set no deadline. */
  readonly deadlineAtMs: number;
  /**
   * Fires when the caller cancels, its connection ends, or an answer would come too late (when it is due, or in the caller's
   * grace: ServerOptions.answersInGrace): stop working.
   */
  readonly signal: AbortSignal;
  /** The caller's metadata. */
  readonly metadata: Metadata;
  /** For what the caller is not told. */
  readonly logger: Logger;
  /** Milliseconds left until the deadline, 0 or more; Infinity when the caller set none. */
  deadlineLeftMs(): number;
  /**
   * The calls that run take so much of its time that it cannot do all its work (Admission), where the server looks at that; or
   * its answer is due already, and counts in the caller's grace.
   */
  readonly isPressed: boolean;
}

// The method's own request and response types are recovered from the definition below.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type AnyMethod = MethodDefinition<any, any>;
type RequestOf<M> = M extends { requestDeserialize: (bytes: Buffer) => infer Request } ? Request : never;
type ResponseOf<M> = M extends { responseDeserialize: (bytes: Buffer) => infer Response } ? Response : never;

/** An async unary handler. It throws MicError for what the caller can be told; anything else becomes INTERNAL. */
export type UnaryHandler<Request, Response> = (request: Request, context: CallContext) => Promise<Response>;

/**
 * An async handler of a stream of requests: it asks for the next when it has room for it, so that the sender waits. The
 * requests throw MicError UNAVAILABLE when the server stops or the stream is too old, INVALID_ARGUMENT for bytes that are
 * no message, and CANCELLED when the call has ended.
 */
export type ClientStreamHandler<Request, Response> = (
  requests: AsyncIterable<Request>,
  context: CallContext,
) => Promise<Response>;

/**
 * An async handler of a stream of requests and a stream of responses. It asks for requests as in ClientStreamHandler, which
 * throw as they do there, and is asked for the next response when the reader has room for it.
 */
export type DuplexHandler<Request, Response> = (
  requests: AsyncIterable<Request>,
  context: CallContext,
) => AsyncIterable<Response>;

/** One handler for each RPC of a service definition. */
export type HandlersOf<Definition> = {
  readonly [Method in keyof Definition]: Definition[Method] extends { readonly requestStream: true }
    ? Definition[Method] extends { readonly responseStream: true }
      ? DuplexHandler<RequestOf<Definition[Method]>, ResponseOf<Definition[Method]>>
      : ClientStreamHandler<RequestOf<Definition[Method]>, ResponseOf<Definition[Method]>>
    : UnaryHandler<RequestOf<Definition[Method]>, ResponseOf<Definition[Method]>>;
};

type ServedMethod = { readonly name: string; readonly definition: AnyMethod } & (
  | { readonly kind: 'unary'; readonly handler: UnaryHandler<unknown, unknown> }
  | { readonly kind: 'client-stream'; readonly handler: ClientStreamHandler<unknown, unknown> }
  | { readonly kind: 'duplex'; readonly handler: DuplexHandler<unknown, unknown> }
);

/** A gRPC service with its handlers, as startServer takes it. */
export interface ServiceHandlers {
  /** Full name, e.g. `mic.recall.v1.RecallService`. */
  readonly name: string;
  readonly methods: readonly ServedMethod[];
}

/**
 * Binds handlers to a generated service definition; the compiler checks that there is one of the right type for each.
 * @throws Error for a method that streams answers to one request, or a definition without methods: a programming error.
 */
export function serviceHandlers<Definition extends ServiceDefinition>(
  definition: Definition,
  handlers: HandlersOf<Definition>,
): ServiceHandlers {
  const methods = Object.entries(definition as Record<string, AnyMethod>).map(([name, method]): ServedMethod => {
    const handler: unknown = handlers[name as keyof Definition];
    if (method.requestStream && method.responseStream) {
      return { name, definition: method, kind: 'duplex', handler: handler as DuplexHandler<unknown, unknown> };
    }
    if (method.responseStream) throw new Error(`${method.path} streams its answers to one request`);
    return method.requestStream
      ? { name, definition: method, kind: 'client-stream', handler: handler as ClientStreamHandler<unknown, unknown> }
      : { name, definition: method, kind: 'unary', handler: handler as UnaryHandler<unknown, unknown> };
  });
  const path = methods[0]?.definition.path;
  if (path === undefined) throw new Error('a service without methods');
  return { name: path.slice(1, path.lastIndexOf('/')), methods };
}
