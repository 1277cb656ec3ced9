import { MicError } from '@mic/domain';
import type { LogLevel } from '@mic/rpc';
import type { Home } from '../home';
import type { DecisionFlags } from '../decision-log-option';
import type { StoreLimits } from '../store-limits';
import { SERVICES, startService, type ServiceName, type ServiceProcess } from './service-process';
import { readUp, removeUp, writeUp, writeUpSettings, type Up, type UpSettings } from './up-file';

export interface FleetOptions {
  readonly home: Home;
  /** Address of the store; a folder or a Redis. */
  readonly store: string;
  /** JSON file of recall profiles, or null for the built-in one. */
  readonly profiles: string | null;
  readonly limits: StoreLimits;
  /** Folder of the event log, or null for none. */
  readonly eventLog: string | null;
  /** Null: no decision log. */
  readonly decisions: DecisionFlags | null;
  readonly logLevel: LogLevel;
  readonly drainTimeoutMs: number;
  readonly readyTimeoutMs: number;
  /** Where the gateway listens; port 0 takes a free one. */
  readonly gatewayAddress: string;
}

/** Services that this process started. */
export interface Fleet {
  readonly up: Up;
  readonly services: readonly ServiceProcess[];
  /** Ends them in order, the gateway first. */
  stop(): Promise<void>;
}

const FREE_PORT = '127.0.0.1:0';
/** For closing what is open after the drain. */
const GRACE_BEYOND_DRAIN_MS = 3_000;

/**
 * Starts the four services on free ports of the loopback, waits until all are ready, and writes <home>/up.json.
 * @throws MicError when one does not get ready; those that were started are ended.
 */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { home, store, profiles, readyTimeoutMs, gatewayAddress } = options;
  const started: ServiceProcess[] = [];
  const start = async (name: ServiceName, env: Record<string, string>): Promise<ServiceProcess> => {
    const service = await startService(name, env);
    started.push(service);
    return service;
  };
  const stop = () => stopInOrder(started, options.drainTimeoutMs);
  try {
    const { limits, eventLog, decisions } = options;
    const settings = { store, profiles, limits, eventLog, decisions };
    const inner = SERVICES.filter((name) => name !== 'recall-gateway');
    const running = await settled(inner.map((name) => start(name, environment(name, FREE_PORT, settings, options))));
    // The gateway comes last: it warms itself up with calls to the others.
    await settled(running.map((service) => service.ready(readyTimeoutMs)));
    const addresses = upOf(running);
    const gateway = environment('recall-gateway', gatewayAddress, settings, options, addresses);
    await (await start('recall-gateway', gateway)).ready(readyTimeoutMs);
    const up = upOf(started);
    await writeUpSettings(home, settings);
    await writeUp(home, up);
    return {
      up,
      services: started,
      stop: async () => {
        await stop();
        await removeUp(home);
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Starts one service again, where it was before, so that the others find it.
 * @throws MicError FAILED_PRECONDITION when the services of this home were never started.
 */
export async function startOne(
  name: ServiceName,
  options: Omit<FleetOptions, keyof UpSettings | 'gatewayAddress'>,
): Promise<Fleet> {
  const { home, readyTimeoutMs, drainTimeoutMs } = options;
  const { up, settings } = await readUp(home);
  const before = up.services[name];
  const service = await startService(name, environment(name, before?.address ?? FREE_PORT, settings, options, up));
  const stop = () => stopInOrder([service], drainTimeoutMs);
  try {
    await service.ready(readyTimeoutMs);
    // Read again: another one may have been started meanwhile.
    const now = (await readUp(home)).up;
    const own = upOf([service]);
    await writeUp(home, { services: { ...now.services, ...own.services } });
    return { up: own, services: [service], stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function environment(
  name: ServiceName,
  address: string,
  { store, profiles, limits, eventLog, decisions }: UpSettings,
  { home, logLevel, drainTimeoutMs }: Pick<FleetOptions, 'home' | 'logLevel' | 'drainTimeoutMs'>,
  up: Up = { services: {} },
): Record<string, string> {
  const addressOf = (other: ServiceName): string => {
    const service = up.services[other];
    if (service) return service.address;
    throw new MicError('FAILED_PRECONDITION', `${home.dir} does not say where the ${other} is`, {
      remedy: 'start all services first: mic up --home DIR',
    });
  };
  return {
    MIC_ADDRESS: address,
    MIC_STORE: store,
    MIC_LOG_LEVEL: logLevel,
    MIC_DRAIN_TIMEOUT_MS: String(drainTimeoutMs),
    ...(name !== 'neighbor-store' && { MIC_RELEASES: home.releases }),
    ...(name === 'neighbor-store' && {
      ...limitVariables(limits),
      ...(eventLog !== null && { MIC_EVENT_LOG: eventLog }),
    }),
    ...(name === 'recall-gateway' && {
      MIC_USER_EMBEDDER: addressOf('user-embedder'),
      MIC_ANN_SERVICE: addressOf('ann-service'),
      MIC_NEIGHBOR_STORE: addressOf('neighbor-store'),
      ...(profiles !== null && { MIC_PROFILES: profiles }),
      ...(decisions?.folder && { MIC_DECISION_LOG: decisions.folder, MIC_DECISION_SAMPLE: String(decisions.share) }),
    }),
  };
}

/** What the neighbor-store is told; it has defaults of its own. */
function limitVariables({ historyCap, historyTtlSeconds, liveItemsCap }: StoreLimits): Record<string, string> {
  const variables = {
    MIC_HISTORY_CAP: historyCap,
    MIC_HISTORY_TTL_SECONDS: historyTtlSeconds,
    MIC_LIVE_ITEMS_CAP: liveItemsCap,
  };
  return Object.fromEntries(
    Object.entries(variables).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );
}

/** In the order in which people think of them: the inner ones first. */
function upOf(services: readonly ServiceProcess[]): Up {
  const byName = new Map(services.map(({ name, pid, address }) => [name, { pid, address }]));
  const names = (['user-embedder', 'ann-service', 'neighbor-store', 'recall-gateway'] as const).filter((name) =>
    byName.has(name),
  );
  return { services: Object.fromEntries(names.map((name) => [name, byName.get(name)!])) };
}

async function stopInOrder(services: readonly ServiceProcess[], drainTimeoutMs: number): Promise<void> {
  for (const name of SERVICES) {
    for (const service of services)
      if (service.name === name) await service.stop(drainTimeoutMs + GRACE_BEYOND_DRAIN_MS);
  }
}

/** Waits for all, then throws the first error: nothing is left half started behind it. */
async function settled<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(promises);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  return results.map((result) => (result as PromiseFulfilledResult<T>).value);
}
