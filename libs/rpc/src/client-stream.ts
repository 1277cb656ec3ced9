import { once } from 'node:events';
import { Metadata, type CallOptions, type Client, type ClientWritableStream, type ServiceError } from '@grpc/grpc-js';
import { MicError } from '@mic/domain';
import { errorOfStatus } from './error-status';
import { REQUEST_ID_KEY } from './serve-call';

export interface ClientStreamOptions {
  /** Time allowed for the whole stream, in milliseconds; without it there is no limit. */
  readonly deadlineMs?: number;
  /** Sent as `x-request-id`; the service makes one up where it is missing. */
  readonly requestId?: string;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
}

type StreamMethod<Request, Response> = (
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Response) => void,
) => ClientWritableStream<Request>;

// Of a generated method's overloads, inference takes the last: the one with metadata and options.
type StreamOf<Method> = Method extends (...args: never[]) => ClientWritableStream<infer Request> ? Request : never;
type ResponseOf<Method> = Method extends (
  ...args: [never, never, (error: ServiceError | null, response: infer Response) => void]
) => { cancel(): void }
  ? Response
  : never;
type StreamName<C> = Exclude<{ [K in keyof C]: StreamOf<C[K]> extends never ? never : K }[keyof C], keyof Client>;

/**
 * Sends a stream of requests, each when the service has room for it, and gives the one answer. When the service ends the
 * stream early, no further request is asked for.
 * @throws MicError with the code, message, remedy and subject that the service sent; CANCELLED when the signal fired; what
 * `requests` throws.
 */
export async function clientStream<C extends Client, M extends StreamName<C> & string>(
  client: C,
  method: M,
  requests: Iterable<StreamOf<C[M]>> | AsyncIterable<StreamOf<C[M]>>,
  { deadlineMs, requestId, signal }: ClientStreamOptions = {},
): Promise<ResponseOf<C[M]>> {
  if (signal?.aborted === true) throw new MicError('CANCELLED', 'the call was cancelled before it began');
  const metadata = new Metadata();
  if (requestId !== undefined) metadata.set(REQUEST_ID_KEY, requestId);
  const deadline = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
  const ended = new AbortController();
  let call: ClientWritableStream<StreamOf<C[M]>>;
  const answer = new Promise<ResponseOf<C[M]>>((resolve, reject) => {
    call = (client[method] as StreamMethod<StreamOf<C[M]>, ResponseOf<C[M]>>)(metadata, deadline, (error, response) => {
      ended.abort();
      if (error === null) resolve(response);
      else reject(errorOfStatus(error));
    });
  });
  const cancel = (): void => {
    call.cancel();
  };
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    await Promise.race([send(call!, requests, ended.signal), answer]);
    return await answer;
  } catch (error) {
    cancel();
    answer.catch(() => undefined);
    throw error;
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}

async function send<Request>(
  call: ClientWritableStream<Request>,
  requests: Iterable<Request> | AsyncIterable<Request>,
  ended: AbortSignal,
): Promise<void> {
  for await (const request of requests) {
    if (ended.aborted) return;
    if (!call.write(request)) await once(call, 'drain', { signal: ended }).catch(() => undefined);
  }
  call.end();
}
