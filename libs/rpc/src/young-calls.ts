import { AsyncResource } from 'node:async_hooks';
import { createRequire } from 'node:module';
import nodesHttp2, { type Http2SecureServer, type Http2Server, type Http2Session } from 'node:http2';
import { types } from 'node:util';
import { InFlightMap, InFlightSet } from './in-flight';

/** Of a connection as grpc-js's clients have it. */
interface Transport {
  activeCalls?: unknown;
}

interface Connector {
  connect(...args: unknown[]): Promise<Transport>;
}

type Work = (this: unknown, ...args: unknown[]) => unknown;

let isDone = false;

/**
 * Lets the calls of this process die young: with Node 20 and grpc-js as they are, most of what a call has made outlives it
 * and goes only with the next full collection, by three chains of references (ADR 027). Replaces, where they are as known:
 * - the Map of streams of each HTTP/2 session and the Set of calls of each connection of grpc-js, by InFlightMap and InFlightSet;
 * - `AsyncResource.prototype.bind`, which Node's HTTP/2 client calls once a request, by one without the deprecated property
 *   `asyncResource` (DEP0172; later versions of Node have none).
 *
 * Changes Node's own modules for the whole process: for programs, not for libraries. Before the first server or client is made.
 */
export function letCallsDieYoung(): void {
  if (isDone) return;
  isDone = true;
  bindWithoutProperty();
  keepStreamsInFlight();
  keepCallsInFlight();
}

function bindWithoutProperty(): void {
  const { prototype } = AsyncResource;
  if (!('asyncResource' in new AsyncResource('known').bind(() => undefined))) return;
  prototype.bind = function <F extends Work>(this: AsyncResource, work: F, thisArg?: unknown): F {
    if (typeof work !== 'function') throw new TypeError(`what is bound must be a function, not ${typeof work}`);
    const run = (self: unknown, args: unknown[]): unknown =>
      this.runInAsyncScope(work, thisArg === undefined ? self : thisArg, ...args);
    const bound = function (this: unknown, ...args: unknown[]): unknown {
      return run(this, args);
    };
    return Object.defineProperty(bound, 'length', { value: work.length }) as F;
  };
}

function keepStreamsInFlight(): void {
  const http2 = nodesHttp2 as { -readonly [K in keyof typeof nodesHttp2]: (typeof nodesHttp2)[K] };
  const { connect, createServer, createSecureServer } = http2;
  http2.connect = Object.defineProperties(
    (...args: unknown[]) => ofYoungStreams(Reflect.apply(connect, http2, args)),
    Object.getOwnPropertyDescriptors(connect), // also how util.promisify makes a promise of it
  );
  http2.createServer = (...args: unknown[]) =>
    Reflect.apply(createServer, http2, args).on('session', ofYoungStreams) as Http2Server;
  http2.createSecureServer = (...args: unknown[]) =>
    Reflect.apply(createSecureServer, http2, args).on('session', ofYoungStreams) as Http2SecureServer;
}

function ofYoungStreams<S extends Http2Session>(session: S): S {
  const key = Object.getOwnPropertySymbols(session).find(({ description }) => description === 'state');
  const state = key && (session as unknown as Record<symbol, { streams?: unknown } | undefined>)[key];
  if (types.isMap(state?.streams) && state.streams.size === 0) state.streams = new InFlightMap();
  return session;
}

function keepCallsInFlight(): void {
  const prototype = connectorOfGrpc();
  if (!prototype) return;
  const { connect } = prototype;
  prototype.connect = async function (...args) {
    const transport = await connect.apply(this, args);
    if (types.isSet(transport.activeCalls) && transport.activeCalls.size === 0) {
      transport.activeCalls = new InFlightSet();
    }
    return transport;
  };
}

/** What connects clients of grpc-js; it is not part of its API. */
function connectorOfGrpc(): Connector | undefined {
  try {
    const module = createRequire(import.meta.url)('@grpc/grpc-js/build/src/transport') as {
      readonly Http2SubchannelConnector?: { readonly prototype: Connector };
    };
    return module.Http2SubchannelConnector?.prototype;
  } catch {
    return undefined;
  }
}
