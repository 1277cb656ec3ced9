import { EventLogWriter, loggedHistory, tellTrouble } from '@mic/event-log';
import { WorkerItemIndex } from '@mic/hnsw-index';
import { OnnxUserEmbedder } from '@mic/onnx-tower';
import { openStore } from '@mic/open-store';
import { RecallEngine, warmUp, type Profiles } from '@mic/recall';
import { recallApi } from '@mic/recall-api';
import { releaseSummary, type Manifest, type OpenRelease } from '@mic/release';
import { startServer, type Logger } from '@mic/rpc';
import { openPublishedRelease, releaseApi } from '@mic/service-host';
import type { Home } from './home';

export interface AllInOneOptions {
  readonly home: Home;
  /** Address of the store. */
  readonly store: string;
  /** `host:port` to listen on; port 0 takes a free one. */
  readonly address: string;
  readonly profiles: Profiles;
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
  readonly manifest: Manifest;
  /** Drains the server, then closes what it served from. */
  stop(): Promise<void>;
}

/**
 * The whole recall path in this process: the release that the store points at, verified, behind the public API.
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
    const release = await openPublishedRelease({ store: storeAddress, releases: home.releases });
    const store = await openStore({ store: storeAddress, historyTtlMs: options.historyTtlMs });
    opened.push(() => store.close());
    const log =
      eventLog === null
        ? null
        : await EventLogWriter.open({ folder: eventLog, onTrouble: tellTrouble(logger, eventLog) });
    if (log) opened.push(() => log.close());
    const index = await openIndex(release);
    opened.push(() => index.close());
    const { releaseId, signature, userTower: model, catalog, manifest } = release;
    const embedder = await OnnxUserEmbedder.open({ releaseId, signature, model });
    opened.push(() => embedder.close());
    const recall = new RecallEngine({ ports: { embedder, index, store }, catalog, profiles });
    await warmUp(recall, catalog);
    const maxN = Math.max(...Object.values(profiles.profiles).map(({ n }) => n.max));
    const services = [
      ...recallApi({ recall, history: log ? loggedHistory(store, log) : store, maxN: () => maxN }),
      releaseApi(() => Promise.resolve([releaseSummary(manifest)])),
    ];
    const server = await startServer({ address, services, logger, drainTimeoutMs });
    opened.push(() => server.stop());
    server.setServing(true);
    logger.info({ address: server.address, release: releaseId, items: catalog.itemCount }, 'serving');
    return { address: server.address, manifest, stop: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

function openIndex({ releaseId, catalog, manifest, indexPath }: OpenRelease): Promise<WorkerItemIndex> {
  const { vectors, itemCount: count, dimension } = catalog;
  const { kind } = manifest.index;
  const ef = manifest.index.kind === 'hnsw' ? manifest.index.ef : undefined;
  return WorkerItemIndex.open({ releaseId, vectors, count, dimension, kind, indexPath, ef });
}
