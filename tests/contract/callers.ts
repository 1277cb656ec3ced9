import { EventEmitter, once } from 'node:events';
import { Duplex, Readable } from 'node:stream';
import {
  Client,
  Metadata,
  type CallOptions,
  type ClientDuplexStream,
  type MethodDefinition,
  type ServiceError,
  type StatusObject,
} from '@grpc/grpc-js';
import { MicError } from '@mic/domain';
import {
  Admission,
  OneWayDelays,
  clientStreamHandler,
  createClient,
  createLogger,
  duplexHandler,
  duplexStream,
  errorOfStatus,
  REQUEST_ID_KEY,
  serverMethod,
  startServer,
  unaryHandler,
  type ServiceHandlers,
} from '@mic/rpc';

export const logger = createLogger({ level: 'silent', service: 'contract-test' });

// A definition's request and response types are recovered from it.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type AnyMethod = MethodDefinition<any, any>;
type RequestOf<M> = M extends { requestSerialize: (request: infer Request) => Buffer } ? Request : never;
type ResponseOf<M> = M extends { responseDeserialize: (bytes: Buffer) => infer Response } ? Response : never;

export interface CallSettings {
  /** 5,000 by default. */
  readonly deadlineMs?: number;
  readonly requestId?: string;
  readonly signal?: AbortSignal;
}

/** Calls RPCs of some services, as a client sees them. */
export interface Caller {
  /** @throws MicError with what the service said. */
  call<M extends AnyMethod>(method: M, request: RequestOf<M>, settings?: CallSettings): Promise<ResponseOf<M>>;
  /** As `call`, for a stream of requests; what `requests` throws breaks the stream. */
  stream<M extends AnyMethod>(
    method: M,
    requests: AsyncIterable<RequestOf<M>> | Iterable<RequestOf<M>>,
    settings?: CallSettings,
  ): Promise<ResponseOf<M>>;
  /** As `stream`, for a stream of answers, too: those that came, then what the service said. Leaving the loop cancels. */
  duplex<M extends AnyMethod>(
    method: M,
    requests: AsyncIterable<RequestOf<M>> | Iterable<RequestOf<M>>,
    settings?: CallSettings,
  ): AsyncGenerator<ResponseOf<M>, void, undefined>;
  /** Begins to end the services; calls that run go on. */
  drain(): void;
  close(): Promise<void>;
}

export interface CallerOptions {
  /** Calls that the services take at a time. */
  readonly maxConcurrentCalls?: number;
  /** Age at which a stream is ended. */
  readonly maxStreamAgeMs?: number;
}

type OpenCaller = (services: readonly ServiceHandlers[], options?: CallerOptions) => Promise<Caller>;

/** How a contract suite reaches its services: it must hold both ways. */
export const WAYS: readonly (readonly ['in process' | 'over the wire', OpenCaller])[] = [
  ['in process', inProcess],
  ['over the wire', overTheWire],
];

/** Bytes in, bytes out, by the handlers of a server; no socket. */
function inProcess(services: readonly ServiceHandlers[], options: CallerOptions = {}): Promise<Caller> {
  const environment = {
    logger,
    admission: new Admission(options.maxConcurrentCalls ?? 1_000),
    answersInGrace: false,
    delays: new OneWayDelays(),
  };
  const methods = services.flatMap((service) => service.methods);
  const draining = new AbortController();
  return Promise.resolve({
    call: (wanted, request, settings = {}) => {
      const { definition, kind, handler } = methods.find((method) => method.definition.path === wanted.path)!;
      if (kind !== 'unary') throw new Error(`${wanted.path} is a stream`);
      const call = new LocalCall(
        serverMethod(definition).requestDeserialize(wanted.requestSerialize(request)),
        settings,
      );
      return new Promise((resolve, reject) => {
        const handle = unaryHandler(definition, handler, environment) as unknown as HandleLocalCall;
        handle(call, (error, bytes) => {
          if (error === null) resolve(wanted.responseDeserialize(bytes!) as ResponseOf<typeof wanted>);
          else reject(errorOfStatus(Object.assign(new Error(error.details), error)));
        });
      });
    },
    stream: (wanted, requests, settings = {}) => {
      const { definition, kind, handler } = methods.find((method) => method.definition.path === wanted.path)!;
      if (kind !== 'client-stream') throw new Error(`${wanted.path} is no stream`);
      const parse = serverMethod(definition).requestDeserialize;
      const call = new LocalStream(requests, (request) => parse(wanted.requestSerialize(request)), settings);
      return new Promise((resolve, reject) => {
        const limits = { draining: draining.signal, maxAgeMs: options.maxStreamAgeMs ?? 300_000 };
        const handle = clientStreamHandler(definition, handler, environment, limits);
        (handle as unknown as HandleLocalStream)(call, (error, bytes) => {
          if (error === null) resolve(wanted.responseDeserialize(bytes!) as ResponseOf<typeof wanted>);
          else reject(errorOfStatus(Object.assign(new Error(error.details), error)));
        });
      });
    },
    duplex: (wanted, requests, settings = {}) => {
      const { definition, kind, handler } = methods.find((method) => method.definition.path === wanted.path)!;
      if (kind !== 'duplex') throw new Error(`${wanted.path} does not stream both ways`);
      const parse = serverMethod(definition).requestDeserialize;
      const call = new LocalDuplex(requests, (request) => parse(wanted.requestSerialize(request)), settings);
      const limits = { draining: draining.signal, maxAgeMs: options.maxStreamAgeMs ?? 300_000 };
      const handle = duplexHandler(definition, handler, environment, limits);
      (handle as unknown as (call: LocalDuplex) => void)(call);
      return call.responses((bytes) => wanted.responseDeserialize(bytes) as ResponseOf<typeof wanted>);
    },
    drain: () => {
      draining.abort();
    },
    close: () => Promise.resolve(),
  });
}

/** Takes from a source as a stream of grpc-js does; a source that throws breaks the stream. */
function reading(
  requests: AsyncIterable<unknown> | Iterable<unknown>,
  parse: (request: unknown) => unknown,
): (this: Readable) => void {
  const iterator = (async function* () {
    for await (const request of requests) yield parse(request);
  })();
  return function () {
    iterator.next().then(
      ({ done, value }) => this.push(done === true ? null : value),
      () => this.emit('cancelled'),
    );
  };
}

type HandleLocalStream = (call: LocalStream, callback: (error: StatusObject | null, bytes?: Buffer) => void) => void;

/** What a handler uses of a ServerReadableStream. */
class LocalStream extends Readable {
  readonly metadata = new Metadata();
  readonly #deadlineAtMs: number;

  constructor(
    requests: AsyncIterable<unknown> | Iterable<unknown>,
    parse: (request: unknown) => unknown,
    { deadlineMs, requestId, signal }: CallSettings,
  ) {
    super({ objectMode: true, read: reading(requests, parse) });
    this.#deadlineAtMs = deadlineMs === undefined ? Infinity : Date.now() + deadlineMs;
    if (requestId !== undefined) this.metadata.set(REQUEST_ID_KEY, requestId);
    signal?.addEventListener('abort', () => this.emit('cancelled'), { once: true });
  }

  getDeadline(): number {
    return this.#deadlineAtMs;
  }

  sendMetadata(): void {
    // Its initial metadata are the wire's affair.
  }
}

/** What a handler uses of a ServerDuplexStream: a response is on its way when the reader takes it. */
class LocalDuplex extends Duplex {
  readonly metadata = new Metadata();
  readonly #deadlineAtMs: number;
  readonly #written: { readonly bytes: Buffer; readonly taken: () => void }[] = [];
  #failure: StatusObject | undefined;
  #isOver = false;
  #wake = (): void => {};

  constructor(
    requests: AsyncIterable<unknown> | Iterable<unknown>,
    parse: (request: unknown) => unknown,
    { deadlineMs, requestId, signal }: CallSettings,
  ) {
    super({ objectMode: true, read: reading(requests, parse) });
    this.#deadlineAtMs = deadlineMs === undefined ? Infinity : Date.now() + deadlineMs;
    if (requestId !== undefined) this.metadata.set(REQUEST_ID_KEY, requestId);
    signal?.addEventListener('abort', () => this.emit('cancelled'), { once: true });
    this.on('error', (failure) => {
      this.#failure = failure as unknown as StatusObject;
      this.end();
      this.#isOver = true;
      this.#wake();
    });
  }

  override _write(bytes: Buffer, _encoding: string, taken: () => void): void {
    this.#written.push({ bytes, taken });
    this.#wake();
  }

  override _final(done: () => void): void {
    this.#isOver = true;
    this.#wake();
    done();
  }

  async *responses<Response>(parse: (bytes: Buffer) => Response): AsyncGenerator<Response, void, undefined> {
    try {
      for (;;) {
        const next = this.#written.shift();
        if (next !== undefined) {
          next.taken();
          yield parse(next.bytes);
        } else if (!this.#isOver) await new Promise<void>((resolve) => (this.#wake = resolve));
        else if (this.#failure === undefined) return;
        else throw errorOfStatus(Object.assign(new Error(this.#failure.details), this.#failure));
      }
    } finally {
      this.emit('cancelled');
    }
  }

  getDeadline(): number {
    return this.#deadlineAtMs;
  }

  sendMetadata(): void {
    // Its initial metadata are the wire's affair.
  }
}

type HandleLocalCall = (call: LocalCall, callback: (error: StatusObject | null, bytes?: Buffer) => void) => void;

/** What a handler uses of a ServerUnaryCall. */
class LocalCall extends EventEmitter {
  readonly metadata = new Metadata();
  readonly #deadlineAtMs: number;

  constructor(
    readonly request: unknown,
    { deadlineMs = 5_000, requestId, signal }: CallSettings,
  ) {
    super();
    this.#deadlineAtMs = Date.now() + deadlineMs;
    if (requestId !== undefined) this.metadata.set(REQUEST_ID_KEY, requestId);
    signal?.addEventListener('abort', () => this.emit('cancelled'), { once: true });
  }

  getDeadline(): number {
    return this.#deadlineAtMs;
  }

  sendMetadata(): void {
    // Its initial metadata are the wire's affair.
  }
}

/** A real server on a free loopback port, and a real client. */
async function overTheWire(services: readonly ServiceHandlers[], options: CallerOptions = {}): Promise<Caller> {
  const server = await startServer({ address: '127.0.0.1:0', services, logger, drainTimeoutMs: 2_000, ...options });
  const client = createClient(Client, server.address);
  return {
    call: (method, request, { deadlineMs = 5_000, requestId, signal } = {}) => {
      const metadata = new Metadata();
      if (requestId !== undefined) metadata.set(REQUEST_ID_KEY, requestId);
      return new Promise((resolve, reject) => {
        const call = client.makeUnaryRequest(
          method.path,
          method.requestSerialize,
          method.responseDeserialize,
          request,
          metadata,
          { deadline: Date.now() + deadlineMs },
          (error: ServiceError | null, response?: unknown) => {
            if (error === null) resolve(response as ResponseOf<typeof method>);
            else reject(errorOfStatus(error));
          },
        );
        signal?.addEventListener(
          'abort',
          () => {
            call.cancel();
          },
          { once: true },
        );
      });
    },
    stream: (method, requests, { deadlineMs = Infinity, requestId, signal } = {}) => {
      const metadata = new Metadata();
      if (requestId !== undefined) metadata.set(REQUEST_ID_KEY, requestId);
      return new Promise((resolve, reject) => {
        const call = client.makeClientStreamRequest(
          method.path,
          method.requestSerialize,
          method.responseDeserialize,
          metadata,
          { deadline: Date.now() + deadlineMs },
          (error: ServiceError | null, response?: unknown) => {
            if (error === null) resolve(response as ResponseOf<typeof method>);
            else reject(errorOfStatus(error));
          },
        );
        const cancel = (): void => {
          call.cancel();
        };
        signal?.addEventListener('abort', cancel, { once: true });
        void (async () => {
          for await (const request of requests) if (!call.write(request)) await once(call, 'drain');
          call.end();
        })().catch(cancel);
      });
    },
    duplex: <M extends AnyMethod>(
      method: M,
      requests: AsyncIterable<RequestOf<M>> | Iterable<RequestOf<M>>,
      settings: CallSettings = {},
    ) => {
      // One method of a generated client.
      const caller = {
        begin: (metadata: Metadata, callOptions: Partial<CallOptions>): ClientDuplexStream<object, object> =>
          client.makeBidiStreamRequest(
            method.path,
            method.requestSerialize as (request: object) => Buffer,
            method.responseDeserialize as (bytes: Buffer) => object,
            metadata,
            callOptions,
          ),
      } as Client & { begin(metadata: Metadata, options: Partial<CallOptions>): ClientDuplexStream<object, object> };
      const answers = duplexStream(caller, 'begin', requests as AsyncIterable<object>, settings);
      return answers as AsyncGenerator<ResponseOf<M>, void, undefined>;
    },
    drain: () => void server.stop(),
    close: async () => {
      client.close();
      await server.stop();
    },
  };
}

/** The MicError that a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<MicError> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => error,
  );
  if (outcome instanceof MicError) return outcome;
  throw new Error(`expected a MicError, got ${JSON.stringify(outcome)}`);
}
