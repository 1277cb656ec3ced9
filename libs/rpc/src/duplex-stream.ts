import { once } from 'node:events';
import { Metadata, type CallOptions, type Client, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import { MicError } from '@mic/domain';
import type { ClientStreamOptions } from './client-stream';
import { errorOfStatus } from './error-status';
import { REQUEST_ID_KEY } from './serve-call';

type DuplexMethod<Request, Response> = (
  metadata: Metadata,
  options: Partial<CallOptions>,
) => ClientDuplexStream<Request, Response>;

// Of a generated method's overloads, inference takes the last: the one with metadata and options.
type RequestOf<Method> = Method extends (...args: never[]) => ClientDuplexStream<infer Request, unknown>
  ? Request
  : never;
type ResponseOf<Method> = Method extends (...args: never[]) => ClientDuplexStream<never, infer Response>
  ? Response
  : never;
type DuplexName<C> = Exclude<{ [K in keyof C]: ResponseOf<C[K]> extends never ? never : K }[keyof C], keyof Client>;

/**
 * Sends a stream of requests, each when the service has room for it, and gives the stream of responses; who does not ask
 * for the next response holds the service back, and the service the requests. Leaving the loop cancels the call.
 * @throws MicError, behind the responses that came, with the code, message, remedy and subject that the service sent;
 * CANCELLED when the signal fired; what `requests` throws.
 */
export async function* duplexStream<C extends Client, M extends DuplexName<C> & string>(
  client: C,
  method: M,
  requests: Iterable<RequestOf<C[M]>> | AsyncIterable<RequestOf<C[M]>>,
  { deadlineMs, requestId, signal }: ClientStreamOptions = {},
): AsyncGenerator<ResponseOf<C[M]>, void, undefined> {
  if (signal?.aborted === true) throw new MicError('CANCELLED', 'the call was cancelled before it began');
  const metadata = new Metadata();
  if (requestId !== undefined) metadata.set(REQUEST_ID_KEY, requestId);
  const deadline = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
  const call = (client[method] as DuplexMethod<RequestOf<C[M]>, ResponseOf<C[M]>>)(metadata, deadline);
  const ended = new AbortController();
  const cancel = (): void => {
    call.cancel();
  };
  signal?.addEventListener('abort', cancel, { once: true });
  let broken: { readonly error: unknown } | undefined;
  send(call, requests, ended.signal).catch((error: unknown) => {
    broken ??= { error };
    cancel();
  });
  try {
    yield* responsesOf(call, ended);
  } catch (error) {
    throw broken === undefined ? error : broken.error;
  } finally {
    signal?.removeEventListener('abort', cancel);
    if (!ended.signal.aborted) cancel();
    ended.abort();
  }
}

/** What comes back, as it is asked for; the error of the call stands behind the responses that came before it. */
async function* responsesOf<Request, Response>(
  call: ClientDuplexStream<Request, Response>,
  ended: AbortController,
): AsyncGenerator<Response, void, undefined> {
  let wake = (): void => undefined;
  let isOver = false;
  let failure: MicError | undefined;
  const look = (): void => {
    wake();
  };
  call
    .on('readable', look)
    .on('error', (error: ServiceError) => {
      failure = errorOfStatus(error);
    })
    .on('status', () => {
      isOver = true;
      ended.abort();
      wake();
    });
  for (;;) {
    const response = call.read() as Response | null;
    if (response !== null) yield response;
    else if (!isOver) await new Promise<void>((resolve) => (wake = resolve));
    else if (failure === undefined) return;
    else throw failure;
  }
}

async function send<Request, Response>(
  call: ClientDuplexStream<Request, Response>,
  requests: Iterable<Request> | AsyncIterable<Request>,
  ended: AbortSignal,
): Promise<void> {
  for await (const request of requests) {
    if (ended.aborted) return;
    if (!call.write(request)) await once(call, 'drain', { signal: ended }).catch(() => undefined);
  }
  call.end();
}
