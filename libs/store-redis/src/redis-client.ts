import { Cluster, Redis, type DNSLookupFunction, type RedisOptions } from 'ioredis';
import type { RedisAddress } from './store-url';

/** Connecting, and silence of a connection that owes an answer, milliseconds. */
const CONNECT_TIMEOUT_MS = 2_000;
const SILENCE_TIMEOUT_MS = 5_000;
/** How often a connection to what has become a replica is made anew, at most, milliseconds. */
const RECONNECT_EVERY_MS = 1_000;
/** How often a cluster is asked who has which slots, and how long one node may take to say so, milliseconds. */
const SLOTS_EVERY_MS = 1_000;
const SLOTS_TIMEOUT_MS = 500;
/** Nodes that a command is sent on to: a slot that moves is found by the second. */
const MOST_REDIRECTIONS = 4;
/** A client of the kind of Redis that an address names; it does not connect by itself. */
export function clientOf({
  kind,
  nodes,
  masterName,
  database,
  username,
  password,
  tls,
}: RedisAddress): Redis | Cluster {
  const backOff = (times: number): number => Math.min(50 * times, 1_000);
  const options: RedisOptions = {
    username,
    password,
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    // A connection that owes an answer and is silent is taken for dead.
    socketTimeout: SILENCE_TIMEOUT_MS,
    keepAlive: 10_000,
    // A caller repeats what it wants repeated: nothing is sent twice behind its back.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    ...(tls && { tls: {} }),
  };
  if (kind === 'cluster') {
    return new Cluster([...nodes], {
      lazyConnect: true,
      enableOfflineQueue: false,
      clusterRetryStrategy: backOff,
      // What a master that is gone cannot answer fails at once and holds up nobody: by default the client tries again for
      // 1.6 s. The next call to its slots asks another master, which knows the new one as soon as there is one.
      retryDelayOnFailover: 0,
      retryDelayOnClusterDown: 0,
      maxRedirections: MOST_REDIRECTIONS,
      // A master that is silent, not gone, refuses nothing: that another has taken its place must be asked for.
      slotsRefreshInterval: SLOTS_EVERY_MS,
      slotsRefreshTimeout: SLOTS_TIMEOUT_MS,
      // A node's certificate is for its name, which the client would look up and forget.
      ...(tls && { dnsLookup: keepName }),
      redisOptions: options,
    });
  }
  const single: RedisOptions = {
    ...options,
    db: database,
    enableOfflineQueue: false,
    retryStrategy: backOff,
    reconnectOnError: onceInAWhile(({ message }) => message.startsWith('READONLY')),
  };
  if (kind === 'sentinel') {
    return new Redis({
      ...single,
      sentinels: [...nodes],
      name: masterName,
      sentinelRetryStrategy: backOff,
      // `tls` alone is for neither: the sentinels have options of their own, and a master behind them is reached without.
      ...(tls && { sentinelTLS: {}, enableTLSForSentinelMode: true }),
    });
  }
  return new Redis({ ...single, ...nodes[0]! });
}

/**
 * Whether a connection is to be made anew: behind its address there may be another master by now. Not with each error, for
 * a replica that stays one is good for reads.
 */
function onceInAWhile(isReason: (error: Error) => boolean): (error: Error) => boolean {
  let lastMs = -Infinity;
  return (error) => {
    if (!isReason(error) || performance.now() - lastMs < RECONNECT_EVERY_MS) return false;
    lastMs = performance.now();
    return true;
  };
}

const keepName: DNSLookupFunction = (name, callback) => {
  callback(null, name);
};
