import type { DecisionLog } from '@mic/decision-log';
import { MicError } from '@mic/domain';
import type { FeatureSchema } from '@mic/features';
import { WorkerItemIndex, WorkerUserIndex } from '@mic/hnsw-index';
import { ReleaseItems, type LiveItemsFollower } from '@mic/live-items';
import { OnnxItemEmbedder, OnnxUserEmbedder } from '@mic/onnx-tower';
import {
  RecallEngine,
  warmUp,
  type LateBreakers,
  type Profiles,
  type ReleasePointer,
  type Store,
  type UserIndex,
} from '@mic/recall';
import { openedRelease, openPublishedParts, type OpenedRelease } from '@mic/service-host';

/** The recall path of one release in this process. */
export interface LocalEngine {
  readonly engine: RecallEngine;
  readonly schema: FeatureSchema;
}

export interface LocalEngineSurroundings {
  /** Folder that holds the releases. */
  readonly releases: string;
  readonly store: Store;
  readonly profiles: () => Profiles;
  readonly liveItems: LiveItemsFollower;
  readonly decisions: DecisionLog | null;
  /** See RecallEngineOptions. */
  readonly queueDelayMs?: () => number;
  readonly lateBreakers?: LateBreakers;
}

/** The recall path of one release, with everything that it calls. */
export async function openLocalEngine(
  { releases, store, profiles, liveItems, decisions, queueDelayMs, lateBreakers }: LocalEngineSurroundings,
  pointer: ReleasePointer,
  beside: boolean,
): Promise<OpenedRelease<LocalEngine>> {
  const parts = ['towers', 'catalog', 'index', 'userIndex'] as const;
  const release = await openPublishedParts(releases, pointer, parts, beside);
  const { releaseId, manifest, catalog } = release;
  const { signature, schema, userTower, itemTower } = release.towers;
  const { counts, dimension, manifestSha256 } = manifest;
  // Closed in reverse order, whatever of it was opened.
  const opened: { close(): Promise<void> }[] = [];
  const keep = async <T extends { close(): Promise<void> }>(opening: Promise<T>): Promise<T> => {
    const one = await opening;
    opened.push(one);
    return one;
  };
  const close = async (): Promise<void> => {
    for (const one of opened.splice(0).reverse()) await one.close();
  };
  try {
    const index = await keep(
      WorkerItemIndex.open({
        ...{ releaseId, dimension, ...release.index, count: counts.items },
        kind: manifest.index.kind,
        ef: manifest.index.kind === 'hnsw' ? manifest.index.ef : undefined,
      }),
    );
    const userIndex =
      counts.users === 0
        ? NO_USERS
        : await keep(
            WorkerUserIndex.open({
              ...{ releaseId, dimension, ...release.userIndex, count: counts.users, items: index },
              kind: manifest.userIndex.kind,
              ef: manifest.userIndex.kind === 'hnsw' ? manifest.userIndex.ef : undefined,
            }),
          );
    const embedder = await keep(OnnxUserEmbedder.open({ releaseId, signature, model: userTower }));
    const itemEmbedder = await keep(OnnxItemEmbedder.open({ releaseId, signature, model: itemTower }));
    const items = new ReleaseItems({ catalog, schema, embedder: itemEmbedder });
    const engine = new RecallEngine({
      ports: { embedder, index, userIndex, store },
      catalog,
      schema,
      liveItems: () => items.current,
      indexEf: manifest.index.kind === 'hnsw' ? manifest.index.ef : undefined,
      userIndexEf: manifest.userIndex.kind === 'hnsw' ? manifest.userIndex.ef : undefined,
      profiles,
      onRanked: decisions
        ? (request, ranked) => {
            decisions.note(request, ranked, manifestSha256);
          }
        : undefined,
      queueDelayMs,
      lateBreakers,
    });
    await liveItems.add(items);
    opened.push({
      close: () => {
        liveItems.remove(items);
        return Promise.resolve();
      },
    });
    await warmUp(engine, catalog);
    return openedRelease(release, { engine, schema }, close);
  } catch (error) {
    await close();
    throw error;
  }
}

const nobody = (): Promise<never> => Promise.reject(new MicError('NOT_FOUND', 'the release has no users'));
/** Of a release without users. */
const NO_USERS: UserIndex = { searchUsers: nobody, searchByUsers: nobody };
