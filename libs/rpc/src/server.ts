import { Server, ServerCredentials, type UntypedHandleCall, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { MicError } from '@mic/domain';
import { Admission, type EventLoopLoad } from './admission';
import { CallCost } from './call-cost';
import { clientStreamHandler } from './client-stream-handler';
import { duplexHandler, type DuplexLimits } from './duplex-handler';
import { addHealth } from './health';
import type { Logger } from './logger';
import { MAX_MESSAGE_BYTES } from './message-limit';
import { OneWayDelays } from './one-way-delay';
import { addReflection } from './reflection';
import type { CallEnvironment } from './serve-call';
import type { ServiceHandlers } from './service-handlers';
import { serverMethod } from './server-method';
import { unaryHandler } from './unary-handler';

export interface ServerOptions {
  /** `host:port`; port 0 takes a free one. */
  readonly address: string;
  readonly services: readonly ServiceHandlers[];
  readonly logger: Logger;
  /** How long `stop` waits for calls in flight before it ends them, in milliseconds. */
  readonly drainTimeoutMs: number;
  /** Calls that run at a time; more are refused with RESOURCE_EXHAUSTED. 1,000 by default. */
  readonly maxConcurrentCalls?: number;
  /**
   * This process's event loop. Where it is given, calls are told when those that run take too much of their time
   * (CallContext.isPressed), and refused when they take far more. For servers whose own event loop does the work.
   */
  readonly eventLoop?: EventLoopLoad;
  /**
   * A call that is not answered in the time it gives (`mic-timeout-ms`) still is while its caller waits (`grace`; 5 ms where it
   * does not say), streams apart, and one that is read when its time is over is pressed. Off by default: the caller is told at
   * once that its time is over. For servers whose callers have nothing else to go on with.
   */
  readonly answersInGrace?: boolean;
  /**
   * Age at which a connection is ended in order, its calls first, milliseconds; 5 minutes by default. Callers then look
   * the name up again, which is how their balancing finds new replicas.
   */
  readonly maxConnectionAgeMs?: number;
  /** Age at which the requests of a stream are ended, milliseconds; 5 minutes by default. */
  readonly maxStreamAgeMs?: number;
  /** How long the reader of a stream that was ended may take for what is finished, milliseconds; 10 s by default. */
  readonly lastResponsesMs?: number;
}

export interface RunningServer {
  /** `host:port` with the port that was bound. */
  readonly address: string;
  /** What grpc.health.v1 answers; NOT_SERVING until this is called with true. */
  setServing(serving: boolean): void;
  /** What grpc.health.v1 answers for `release`; NOT_SERVING until this is called with true. */
  setUpToDate(upToDate: boolean): void;
  /**
   * Drains: health says NOT_SERVING, new calls are refused, calls in flight may finish within drainTimeoutMs, what is
   * left then is ended. Calling it again waits for the same end.
   */
  stop(): Promise<void>;
}

/**
 * Starts a gRPC server without TLS with the services, health and reflection.
 * @throws MicError FAILED_PRECONDITION when the address is in use or not this machine's; INVALID_ARGUMENT when it is
 * not `host:port`.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { host } = parseAddress(options.address);
  const { maxStreamAgeMs = 300_000 } = options;
  const server = new Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 5_000,
    'grpc.max_connection_age_ms': options.maxConnectionAgeMs ?? 300_000,
    // A stream may have begun just before, and its reader may be slow.
    'grpc.max_connection_age_grace_ms': maxStreamAgeMs + 30_000,
    // Two servers on one port would share it silently.
    'grpc.so_reuseport': 0,
  });
  const admission = new Admission(
    options.maxConcurrentCalls ?? 1_000,
    options.eventLoop ? { cost: new CallCost(), loop: options.eventLoop } : null,
  );
  const environment = {
    logger: options.logger,
    admission,
    answersInGrace: options.answersInGrace ?? false,
    delays: new OneWayDelays(),
  };
  const draining = new AbortController();
  const { lastResponsesMs } = options;
  const limits = { draining: draining.signal, maxAgeMs: maxStreamAgeMs, lastResponsesMs };
  for (const service of options.services) {
    const definition = Object.fromEntries(service.methods.map((m) => [m.name, serverMethod(m.definition)]));
    const implementation: UntypedServiceImplementation = Object.fromEntries(
      service.methods.map((m) => [m.name, grpcHandler(m, environment, limits)]),
    );
    server.addService(definition, implementation);
  }
  const names = options.services.map((service) => service.name);
  const health = addHealth(server, names);
  addReflection(server, names);
  const port = await bind(server, options.address);
  let stopped: Promise<void> | undefined;
  return {
    address: `${host}:${port}`,
    setServing: (serving) => {
      if (stopped === undefined) health.setServing(serving);
    },
    setUpToDate: (upToDate) => {
      health.setUpToDate(upToDate);
    },
    stop: () => {
      if (stopped === undefined) {
        health.setServing(false);
        draining.abort();
        stopped = drain(server, options.drainTimeoutMs, options.logger);
      }
      return stopped;
    },
  };
}

function grpcHandler(
  method: ServiceHandlers['methods'][number],
  environment: CallEnvironment,
  limits: DuplexLimits,
): UntypedHandleCall {
  switch (method.kind) {
    case 'unary':
      return unaryHandler(method.definition, method.handler, environment);
    case 'client-stream':
      return clientStreamHandler(method.definition, method.handler, environment, limits);
    case 'duplex':
      return duplexHandler(method.definition, method.handler, environment, limits);
  }
}

function parseAddress(address: string): { host: string; port: number } {
  const match = /^(.+):(\d{1,5})$/.exec(address);
  const port = Number(match?.[2]);
  if (match === null || port > 65_535) {
    throw new MicError('INVALID_ARGUMENT', `"${address}" is not an address`, {
      subject: 'address',
      remedy: 'give host:port with a port of 0 to 65535, e.g. 127.0.0.1:50051; port 0 takes a free one',
    });
  }
  return { host: match[1]!, port };
}

function bind(server: Server, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else {
        server.forceShutdown();
        reject(
          new MicError('FAILED_PRECONDITION', `cannot listen on ${address}: ${error.message}`, {
            subject: 'address',
            remedy: 'end the process that uses the port, or choose another address (port 0 takes a free one)',
            cause: error,
          }),
        );
      }
    });
  });
}

/** tryShutdown waits for every call and stream, health watches included, so it gets a bound. */
function drain(server: Server, timeoutMs: number, logger: Logger): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      logger.warn({ timeoutMs }, 'drain timed out, calls in flight are ended');
      server.forceShutdown();
      resolve();
    }, timeoutMs);
    server.tryShutdown((error) => {
      clearTimeout(timer);
      if (error !== undefined) server.forceShutdown();
      resolve();
    });
  });
}
