import { setTimeout as sleep } from 'node:timers/promises';
import { MicError, toMicError } from '@mic/domain';
import { serveMetrics, ServiceMetrics } from '@mic/metrics';
import {
  collectGently,
  createLogger,
  letCallsDieYoung,
  startServer,
  stopOnSignals,
  type Logger,
  type LogLevel,
  type ServiceHandlers,
} from '@mic/rpc';
import type { AppConfig, SERVICE_VARIABLES, Variables } from './environment';
import { recordEventLoopDelay } from './event-loop-delay';
import type { Host, Opened } from './host';
import { noRelease } from './open-releases';
import { watchParent } from './parent-watch';
import { releaseApi } from './release-api';

export interface Service<V extends Variables, T> {
  /** As in deployments and logs, e.g. `ann-service`. */
  readonly name: string;
  readonly config: AppConfig<V>;
  /** Whether callers from outside call it: see ServerOptions.eventLoop and answersInGrace. */
  readonly facesCallers?: boolean;
  /** Opens what the service answers from. It is tried again until it works; until then the service is not ready. */
  open(settings: ReturnType<AppConfig<V>['parse']>, host: Host): Promise<Opened<T>>;
  /** @param opened throws UNAVAILABLE until the service is open. */
  services(opened: () => T, settings: ReturnType<AppConfig<V>['parse']>): readonly ServiceHandlers[];
}

/** Between two tries to open, milliseconds. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

/**
 * The life of a service process: reads the environment, listens, prints one line of JSON with its address, opens what it
 * serves, says it is ready, and drains on SIGTERM, SIGINT or when its parent is gone. What it cannot do anything about
 * ends it with a message and a remedy.
 */
export async function runService<V extends typeof SERVICE_VARIABLES, T>(service: Service<V, T>): Promise<void> {
  process.setSourceMapsEnabled(true);
  letCallsDieYoung();
  try {
    await serve(service);
  } catch (error) {
    const { code, message, remedy } = toMicError(error);
    console.error(`${service.name}: ${message}${remedy === undefined ? '' : `; ${remedy}`}`);
    process.exit(code === 'INVALID_ARGUMENT' ? 2 : 1);
  }
}

async function serve<V extends typeof SERVICE_VARIABLES, T>(service: Service<V, T>): Promise<void> {
  const settings = service.config.parse(process.env);
  const logger = createLogger({ level: settings.MIC_LOG_LEVEL as LogLevel, service: service.name });
  const misspelt = service.config.unknownNames(process.env);
  if (misspelt.length > 0) logger.warn({ names: misspelt }, 'variables that this service does not know are ignored');
  const loopDelay = recordEventLoopDelay(logger);
  const state: { opened?: Opened<T> } = {};
  const ready = (): Opened<T> => {
    if (state.opened === undefined) throw noRelease();
    return state.opened;
  };
  const metrics = new ServiceMetrics(service.name);
  const metricsAddress = settings.MIC_METRICS_ADDRESS as string | undefined;
  const metricsServer = metricsAddress === undefined ? undefined : await serveMetrics(metrics, metricsAddress);
  const server = await startServer({
    address: settings.MIC_ADDRESS as string,
    services: [...service.services(() => ready().value, settings), releaseApi(ready)],
    logger,
    drainTimeoutMs: settings.MIC_DRAIN_TIMEOUT_MS as number,
    maxConcurrentCalls: settings.MIC_MAX_CONCURRENT_CALLS as number,
    eventLoop: service.facesCallers ? loopDelay : undefined,
    answersInGrace: service.facesCallers,
  });
  const ending = new AbortController();
  let ended: Promise<void> | undefined;
  const end = (why: string): Promise<void> =>
    (ended ??= (async () => {
      logger.info({ why }, 'stopping');
      ending.abort();
      await server.stop();
      await state.opened?.close();
      await metricsServer?.close();
      loopDelay.stop();
    })());
  stopOnSignals((signal) => end(signal));
  const parentPid = settings.MIC_PARENT_PID as number | undefined;
  if (parentPid !== undefined) {
    watchParent(parentPid, () => void end('the parent process is gone').finally(() => process.exit(0)));
  }
  console.log(JSON.stringify({ service: service.name, address: server.address, pid: process.pid }));
  logger.info({ address: server.address, metrics: metricsServer?.address }, 'listening');

  const host: Host = {
    logger,
    loopDelay,
    metrics,
    stopping: ending.signal,
    showReleases: ({ current, open, problem }) => {
      const upToDate = current !== null && problem === null;
      metrics.showReleases(open.length, current?.releaseId ?? null, !upToDate);
      server.setUpToDate(upToDate);
    },
  };
  const opened = await openAtLast(() => service.open(settings, host), logger, ending.signal);
  if (opened === undefined) return;
  if (ending.signal.aborted) {
    await opened.close();
    return;
  }
  state.opened = opened;
  const { current } = await opened.releases();
  collectGently();
  server.setServing(true);
  logger.info({ release: current?.releaseId, manifest: current?.manifestSha256 }, 'serving');
}

/** Tries until it works or the service ends; says why it does not work, once for each reason. */
async function openAtLast<T>(
  open: () => Promise<Opened<T>>,
  logger: Logger,
  signal: AbortSignal,
): Promise<Opened<T> | undefined> {
  let told = '';
  for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await open();
    } catch (error) {
      if (error instanceof MicError && error.code === 'INVALID_ARGUMENT') throw error;
      if (signal.aborted) return undefined;
      const { code, message, remedy } = toMicError(error);
      if (message !== told) logger.warn({ code, error: message, remedy }, 'not ready');
      told = message;
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
  return undefined;
}
