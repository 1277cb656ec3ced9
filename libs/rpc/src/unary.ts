import {
  connectivityState,
  Metadata,
  status,
  type Client,
  type ClientUnaryCall,
  type MethodDefinition,
  type ServiceError,
} from '@grpc/grpc-js';
import { MicError } from '@mic/domain';
import { afterReading } from './after-reading';
import { errorOfStatus } from './error-status';
import { sentAtNow } from './one-way-delay';
import { REQUEST_ID_KEY, SENT_AT_KEY, TIMEOUT_KEY } from './serve-call';

/** A client as generated, which knows the methods of its service. */
interface GeneratedConstructor<Request, Response> {
  readonly service: Readonly<Record<string, MethodDefinition<Request, Response>>>;
}

// Of a generated method's overloads, inference takes the last: the one with metadata and options.
type RequestOf<Method> = Method extends (request: infer Request, ...rest: never[]) => ClientUnaryCall ? Request : never;
type ResponseOf<Method> = Method extends (
  ...args: [never, never, never, (error: ServiceError | null, response: infer Response) => void]
) => ClientUnaryCall
  ? Response
  : never;
type UnaryName<C> = Exclude<{ [K in keyof C]: ResponseOf<C[K]> extends never ? never : K }[keyof C], keyof Client>;

/** More counts as this: 24 days, the most that timers and grpc-js's servers take. */
const LONGEST_MS = 24 * 86_400_000;

/**
 * How much later than the end of its grace grpc-js gives a call up, milliseconds. It does so by a plain timer: before that, the
 * call is given up here, after a look at what has arrived. A process that was held up for longer does without the look.
 */
const SPARE_MS = 10_000;

export interface UnaryOptions {
  /** Time allowed for the answer, in milliseconds; below 0 counts as 0, and more than 24 days as 24. */
  readonly deadlineMs: number;
  /** Sent as `x-request-id`; the service makes one up where it is missing. */
  readonly requestId?: string;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
  /**
   * Time after the deadline in which the answer, or the service's own word that there is none, may still come, milliseconds; 0
   * by default. Without it every late call is reset, and Node's HTTP/2 ends a connection with more than 33 resets a second. At
   * its end what has arrived is still read.
   */
  readonly graceMs?: number;
}

/**
 * Calls one RPC. The answer is there when its message is: the status, which a server in grpc-js sends some turns of its event
 * loop later, is waited for only where there is no message (ADR 026).
 * @throws MicError with the code, message, remedy and subject that the service sent; CANCELLED when the signal fired;
 *   FAILED_PRECONDITION when the client is closed.
 */
export function unary<C extends Client, M extends UnaryName<C> & string>(
  client: C,
  method: M,
  request: RequestOf<C[M]>,
  { requestId, signal, graceMs = 0, ...options }: UnaryOptions,
): Promise<ResponseOf<C[M]>> {
  const deadlineMs = Math.min(Math.max(options.deadlineMs, 0), LONGEST_MS);
  const waitMs = Math.min(deadlineMs + graceMs, LONGEST_MS);
  const { path, requestSerialize, responseDeserialize } = definitionOf(client, method);
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(new MicError('CANCELLED', 'the call was cancelled before it began'));
      return;
    }
    const metadata = new Metadata();
    if (requestId !== undefined) metadata.set(REQUEST_ID_KEY, requestId);
    if (graceMs > 0) {
      metadata.set(TIMEOUT_KEY, `${deadlineMs.toFixed(3)};grace=${Math.round(graceMs)}`);
      metadata.set(SENT_AT_KEY, sentAtNow());
    }
    const deadline = Date.now() + waitMs + (graceMs > 0 ? SPARE_MS : 0);
    let isGivenUp = false;
    let stopWaiting: (() => void) | undefined;
    const cancel = (): void => {
      call.cancel();
    };
    const end = (): void => {
      stopWaiting?.();
      signal?.removeEventListener('abort', cancel);
    };
    const receive = (bytes: Buffer): ResponseOf<C[M]> => {
      const response = responseDeserialize(bytes);
      end();
      resolve(response);
      return response;
    };
    const fail = (error: ServiceError | null): void => {
      end();
      if (error === null) return;
      reject(isGivenUp && error.code === status.CANCELLED ? noAnswer(client, call, waitMs) : errorOfStatus(error));
    };
    let call: ClientUnaryCall;
    try {
      call = withoutStacks(() =>
        client.makeUnaryRequest(path, requestSerialize, receive, request, metadata, { deadline }, fail),
      );
    } catch (cause) {
      reject(new MicError('FAILED_PRECONDITION', 'the client is closed', { remedy: 'connect another one', cause }));
      return;
    }
    signal?.addEventListener('abort', cancel, { once: true });
    if (graceMs > 0) {
      stopWaiting = afterReading(waitMs, () => {
        isGivenUp = true;
        call.cancel();
      });
    }
  });
}

const definitionOf = <C extends Client, M extends UnaryName<C> & string>(
  client: C,
  method: M,
): MethodDefinition<RequestOf<C[M]>, ResponseOf<C[M]>> =>
  (client.constructor as unknown as GeneratedConstructor<RequestOf<C[M]>, ResponseOf<C[M]>>).service[method]!;

function noAnswer(client: Client, call: ClientUnaryCall, waitMs: number): MicError {
  const isConnected = client.getChannel().getConnectivityState(false) === connectivityState.READY;
  const what = `no ${isConnected ? 'answer from' : 'connection to'} ${call.getPeer()} within ${Math.round(waitMs)} ms`;
  return new MicError('DEADLINE_EXCEEDED', what, { remedy: 'allow more time, or ask for less' });
}

/** grpc-js notes the stack of every caller, in case the call fails: a tenth of what a call costs here, and no status shows it. */
function withoutStacks<T>(work: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return work();
  } finally {
    Error.stackTraceLimit = limit;
  }
}
