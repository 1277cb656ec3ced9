import { existsSync } from 'node:fs';
import { MicError } from '@mic/domain';
import { WorkerItemIndex } from '@mic/hnsw-index';
import { OnnxUserEmbedder } from '@mic/onnx-tower';
import { RecallEngine, type Profiles } from '@mic/recall';
import { recallApi } from '@mic/recall-api';
import { openRelease, type Manifest, type OpenRelease } from '@mic/release';
import { startServer, type Logger } from '@mic/rpc';
import { LmdbStore } from '@mic/store-lmdb';
import type { Home } from './home';
import { releaseFolder } from './release-folder';

export interface AllInOneOptions {
  readonly home: Home;
  /** `host:port` to listen on; port 0 takes a free one. */
  readonly address: string;
  readonly profiles: Profiles;
  readonly logger: Logger;
  /** Time that calls in flight get when the server stops, milliseconds. */
  readonly drainTimeoutMs: number;
}

export interface AllInOne {
  /** `host:port` that is listened on. */
  readonly address: string;
  readonly manifest: Manifest;
  /** Drains the server, then closes what it served from. */
  stop(): Promise<void>;
}

/**
 * The whole recall path in this process: the release that the home's store points at, verified, behind the public API.
 *
 * @throws MicError FAILED_PRECONDITION when nothing is published, DATA_LOSS when the release is damaged.
 */
export async function startAllInOne(options: AllInOneOptions): Promise<AllInOne> {
  const { home, address, profiles, logger, drainTimeoutMs } = options;
  // Closed in reverse order, whatever of it was opened.
  const opened: (() => Promise<void>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of opened.splice(0).reverse()) await close();
  };
  try {
    if (!existsSync(home.store)) throw nothingPublished(home);
    const store = await LmdbStore.open({ path: home.store });
    opened.push(() => store.close());
    const release = await openPublished(home, store);
    const index = await openIndex(release);
    opened.push(() => index.close());
    const { releaseId, signature, userTower: model, catalog, manifest } = release;
    const embedder = await OnnxUserEmbedder.open({ releaseId, signature, model });
    opened.push(() => embedder.close());
    const recall = new RecallEngine({ ports: { embedder, index, store }, catalog, profiles });
    const maxN = Math.max(...Object.values(profiles.profiles).map(({ n }) => n.max));
    const services = recallApi({ recall, history: store, maxN });
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

async function openPublished(home: Home, store: LmdbStore): Promise<OpenRelease> {
  const pointer = await store.pointer();
  if (!pointer) throw nothingPublished(home);
  const release = await openRelease(releaseFolder(home, pointer.releaseId));
  if (release.manifest.manifestSha256 === pointer.manifestSha256) return release;
  throw new MicError('FAILED_PRECONDITION', `release ${pointer.releaseId} is not the one that was published`, {
    subject: release.directory,
    remedy: 'restore the folder of the release that was published, or publish another one',
  });
}

function openIndex({ releaseId, catalog, manifest, indexPath }: OpenRelease): Promise<WorkerItemIndex> {
  const { vectors, itemCount: count, dimension } = catalog;
  const { kind } = manifest.index;
  const ef = manifest.index.kind === 'hnsw' ? manifest.index.ef : undefined;
  return WorkerItemIndex.open({ releaseId, vectors, count, dimension, kind, indexPath, ef });
}

const nothingPublished = (home: Home): MicError =>
  new MicError('FAILED_PRECONDITION', `no release is published in ${home.dir}`, {
    subject: home.dir,
    remedy: 'build one with `mic build` and publish it with `mic publish`, or run `mic demo`',
  });
