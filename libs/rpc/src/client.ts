import {
  credentials,
  Metadata,
  status,
  type ChannelCredentials,
  type Client,
  type ClientOptions,
  type ClientUnaryCall,
  type MethodDefinition,
  type ServiceError,
} from '@grpc/grpc-js';
import { MicError } from '@mic/domain';
import { afterReading } from './after-reading';
import { errorOfStatus } from './error-status';
import { MAX_MESSAGE_BYTES } from './message-limit';
import { sentAtNow } from './one-way-delay';
import { grpcTarget } from './targets';
import { REQUEST_ID_KEY, SENT_AT_KEY, TIMEOUT_KEY } from './serve-call';

type ClientConstructor<C extends Client> = new (
  address: string,
  channelCredentials: ChannelCredentials,
  options?: Partial<ClientOptions>,
) => C;

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

/** Calls are spread over all addresses of a target; an address that cannot be reached is left out until it can. */
const SERVICE_CONFIG = JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] });

/**
 * What a server may have on its way to one client, bytes. By HTTP/2's own 64 KiB it sends 32 KiB, some 20 answers, and waits for a
 * word of the client: between two busy event loops all others then come late (ADR 025).
 */
const WINDOW_BYTES = 1024 * 1024;

/**
 * How much later than the end of its grace grpc-js gives a call up, milliseconds. It does so by a plain timer: before that, the
 * call is given up here, after a look at what has arrived.
 */
const SPARE_MS = 1_000;

/**
 * A client without TLS for a generated service: one channel, spread over the target's addresses, with keepalive and the
 * message limits of the servers. It connects at once and again by itself.
 * @param target see grpcTarget.
 */
export function createClient<C extends Client>(constructor: ClientConstructor<C>, target: string): C {
  const client = new constructor(grpcTarget(target), credentials.createInsecure(), {
    'grpc.service_config': SERVICE_CONFIG,
    'grpc.service_config_disable_resolution': 1,
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    'grpc-node.flow_control_window': WINDOW_BYTES,
    // A peer that is gone without a word, or frozen, is noticed within 15 s.
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
    'grpc.keepalive_permit_without_calls': 1,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1_000,
    'grpc.dns_min_time_between_resolutions_ms': 1_000,
    // A channel of its own: clients with the same options would share one, and its back-off.
    'grpc.use_local_subchannel_pool': 1,
  });
  client.getChannel().getConnectivityState(true);
  return client;
}

/** A client of another service at the same target, over the channel of `other`: it ends when that one is closed. */
export function clientBeside<C extends Client>(constructor: ClientConstructor<C>, other: Client): C {
  const channel = other.getChannel();
  return new constructor(channel.getTarget(), credentials.createInsecure(), { channelOverride: channel });
}

export interface UnaryOptions {
  /** Time allowed for the answer, in milliseconds. */
  readonly deadlineMs: number;
  /** Sent as `x-request-id`; the service makes one up where it is missing. */
  readonly requestId?: string;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
  /**
   * Time after the deadline in which the answer, or the service's own word that there is none, may still come, milliseconds; 0
   * by default. Without it every late call is reset, and Node's HTTP/2 ends a connection with more than 33 resets a second.
   */
  readonly graceMs?: number;
}

/**
 * Calls one RPC. Its answer is there with the message: the status, which a server of gRPC sends some turns of its event loop
 * later, is waited for only where there is no message.
 * @throws MicError with the code, message, remedy and subject that the service sent; CANCELLED when the signal fired.
 */
export function unary<C extends Client, M extends UnaryName<C> & string>(
  client: C,
  method: M,
  request: RequestOf<C[M]>,
  options: UnaryOptions,
): Promise<ResponseOf<C[M]>> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(new MicError('CANCELLED', 'the call was cancelled before it began'));
      return;
    }
    const metadata = new Metadata();
    if (options.requestId !== undefined) metadata.set(REQUEST_ID_KEY, options.requestId);
    const { deadlineMs, graceMs = 0 } = options;
    const waitMs = deadlineMs + graceMs;
    let isGivenUp = false;
    let stopWaiting: (() => void) | undefined;
    if (graceMs > 0) {
      metadata.set(TIMEOUT_KEY, deadlineMs.toFixed(3));
      metadata.set(SENT_AT_KEY, sentAtNow());
      stopWaiting = afterReading(waitMs, () => {
        isGivenUp = true;
        call.cancel();
      });
    }
    const cancel = (): void => {
      call.cancel();
    };
    const over = (): void => {
      stopWaiting?.();
      signal?.removeEventListener('abort', cancel);
    };
    const { path, requestSerialize, responseDeserialize } = definitionOf(client, method);
    const receive = (bytes: Buffer): ResponseOf<C[M]> => {
      const response = responseDeserialize(bytes);
      over();
      resolve(response);
      return response;
    };
    const callOptions = { deadline: Date.now() + waitMs + (graceMs > 0 ? SPARE_MS : 0) };
    const call = withoutStacks(() =>
      client.makeUnaryRequest(path, requestSerialize, receive, request, metadata, callOptions, (error) => {
        over();
        if (error === null) return;
        const isOurs = isGivenUp && error.code === status.CANCELLED;
        reject(errorOfStatus(isOurs ? noAnswer(error, call.getPeer(), waitMs) : error));
      }),
    );
    signal?.addEventListener('abort', cancel, { once: true });
  });
}

const definitionOf = <C extends Client, M extends UnaryName<C> & string>(
  client: C,
  method: M,
): MethodDefinition<RequestOf<C[M]>, ResponseOf<C[M]>> =>
  (client.constructor as unknown as GeneratedConstructor<RequestOf<C[M]>, ResponseOf<C[M]>>).service[method]!;

const noAnswer = (cancelled: ServiceError, peer: string, waitMs: number): ServiceError =>
  Object.assign(cancelled, { code: status.DEADLINE_EXCEEDED, details: `no answer from ${peer} within ${waitMs} ms` });

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
