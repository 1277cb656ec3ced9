import { EventLogWriter, loggedHistory, tellTrouble } from '@mic/event-log';
import { WorkerItemIndex } from '@mic/hnsw-index';
import { ServiceMetrics } from '@mic/metrics';
import { OnnxUserEmbedder } from '@mic/onnx-tower';
import { openStore } from '@mic/open-store';
import { largestN, RecallEngine, warmUp, type Profiles, type ReleasePointer, type Store } from '@mic/recall';
import { recallApi } from '@mic/recall-api';
import { startServer, type Logger } from '@mic/rpc';
import {
  noRelease,
  openedRelease,
  openPublishedParts,
  recordEventLoopDelay,
  releaseApi,
  serveReleases,
  type Host,
  type Opened,
  type OpenedRelease,
  type OpenReleases,
} from '@mic/service-host';
import { checkPublished } from './check-published';
import type { Home } from './home';

export interface AllInOneOptions {
  readonly home: Home;
  /** Address of the store. */
  readonly store: string;
  /** `host:port` to listen on; port 0 takes a free one. */
  readonly address: string;
  /** Asked for each request. */
  readonly profiles: () => Profiles;
  readonly logger: Logger;
  /** Time that calls in flight get when the server stops, milliseconds. */
  readonly drainTimeoutMs: number;
  /** See openStore. */
  readonly historyTtlMs?: number;
  /** Folder of the event log, or null for none. */
  readonly eventLog: string | null;
}

export interface AllInOne {
  /** `host:port` that is listened on. */
  readonly address: string;
  readonly releaseId: string;
  /** Drains the server, then closes what it served from. */
  stop(): Promise<void>;
}

/** As the services have them by default. */
const RELEASE_SETTINGS = { MIC_RELEASE_POLL_MS: 1_000, MIC_RELEASE_LINGER_MS: 10_000, MIC_OPEN_RELEASES: 2 };

/**
 * The whole recall path in this process, behind the public API: the release that the store points at, verified, and each
 * one that is published after it.
 *
 * @throws MicError FAILED_PRECONDITION when nothing is published, DATA_LOSS when the release is damaged.
 */
export async function startAllInOne(options: AllInOneOptions): Promise<AllInOne> {
  const { home, store: storeAddress, address, profiles, logger, drainTimeoutMs, eventLog } = options;
  // Closed in reverse order, whatever of it was opened.
  const opened: (() => Promise<void>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of opened.splice(0).reverse()) await close();
  };
  try {
    await checkPublished(home, storeAddress);
    const store = await openStore({ store: storeAddress, historyTtlMs: options.historyTtlMs });
    opened.push(() => store.close());
    const log =
      eventLog === null
        ? null
        : await EventLogWriter.open({ folder: eventLog, onTrouble: tellTrouble(logger, eventLog) });
    if (log) opened.push(() => log.close());
    const ending = new AbortController();
    const state: { served?: Opened<OpenReleases<RecallEngine>> } = {};
    const ready = (): Opened<OpenReleases<RecallEngine>> => {
      if (!state.served) throw noRelease();
      return state.served;
    };
    const services = [
      ...recallApi({
        recall: {
          recall: async (request, ...call) => {
            const wanted = request.releaseId === undefined ? undefined : { releaseId: request.releaseId };
            return ready().value.use(wanted, (engine) => engine.recall(request, ...call));
          },
        },
        history: log ? loggedHistory(store, log) : store,
        maxN: () => largestN(profiles()),
      }),
      releaseApi(ready),
    ];
    const server = await startServer({ address, services, logger, drainTimeoutMs });
    opened.push(() => server.stop());
    const loopDelay = recordEventLoopDelay(logger);
    opened.push(async () => {
      ending.abort();
      await state.served?.close();
      loopDelay.stop();
    });
    const host: Host = {
      logger,
      loopDelay,
      metrics: new ServiceMetrics('mic'),
      stopping: ending.signal,
      showReleases: ({ current, problem }) => {
        server.setUpToDate(current !== null && problem === null);
      },
    };
    state.served = await serveReleases({
      host,
      settings: RELEASE_SETTINGS,
      opener: {
        open: (pointer, beside) => openEngine(pointer, home, store, profiles, beside),
      },
      records: { get: () => Promise.resolve(store), close: () => Promise.resolve() },
    });
    server.setServing(true);
    const { current } = await state.served.releases();
    logger.info({ address: server.address, release: current?.releaseId, items: current?.items }, 'serving');
    return { address: server.address, releaseId: current!.releaseId, stop: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** The recall path of one release, with everything that it calls. */
async function openEngine(
  pointer: ReleasePointer,
  home: Home,
  store: Store,
  profiles: () => Profiles,
  beside: boolean,
): Promise<OpenedRelease<RecallEngine>> {
  const release = await openPublishedParts(home.releases, pointer, ['towers', 'catalog', 'index'], beside);
  const { releaseId, manifest, catalog } = release;
  const { signature, userTower: model } = release.towers;
  const { kind } = manifest.index;
  const ef = manifest.index.kind === 'hnsw' ? manifest.index.ef : undefined;
  const { itemCount: count, dimension } = catalog;
  const index = await WorkerItemIndex.open({ releaseId, ...release.index, count, dimension, kind, ef });
  try {
    const embedder = await OnnxUserEmbedder.open({ releaseId, signature, model });
    const engine = new RecallEngine({ ports: { embedder, index, store }, catalog, profiles });
    await warmUp(engine, catalog);
    return openedRelease(release, engine, async () => {
      await index.close();
      await embedder.close();
    });
  } catch (error) {
    await index.close();
    throw error;
  }
}
