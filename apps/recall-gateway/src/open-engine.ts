import type { DecisionLog } from '@mic/decision-log';
import type { FeatureSchema } from '@mic/features';
import { ReleaseItems, type LiveItemsFollower } from '@mic/live-items';
import { RecallEngine, type ItemCatalog, type LateBreakers, type Profiles, type ReleasePointer } from '@mic/recall';
import {
  ItemEmbedderClient,
  ItemIndexClient,
  NeighborClient,
  UserEmbedderClient,
  UserIndexClient,
} from '@mic/service-clients';
import { openedRelease, openPublishedParts, type OpenedRelease } from '@mic/service-host';

/** The recall path of one release. */
export interface Engine {
  readonly engine: RecallEngine;
  readonly catalog: ItemCatalog;
  readonly schema: FeatureSchema;
}

export interface EngineSurroundings {
  /** Folder that holds the releases. */
  readonly releases: string;
  readonly embedder: ReturnType<typeof UserEmbedderClient.connect>;
  readonly index: ReturnType<typeof ItemIndexClient.connect>;
  readonly neighbors: ReturnType<typeof NeighborClient.connect>;
  readonly liveItems: LiveItemsFollower;
  readonly decisions: DecisionLog | null;
  readonly profiles: () => Profiles;
  readonly queueDelayMs: () => number;
  readonly lateBreakers: LateBreakers;
}

/** Opens the items of a published release, and a recall path over the services that serve it. */
export async function openEngine(
  {
    releases,
    embedder,
    index,
    neighbors,
    liveItems,
    decisions,
    profiles,
    queueDelayMs,
    lateBreakers,
  }: EngineSurroundings,
  pointer: ReleasePointer,
  beside: boolean,
): Promise<OpenedRelease<Engine>> {
  const release = await openPublishedParts(releases, pointer, ['catalog', 'features'], beside);
  const { catalog, releaseId, manifest } = release;
  const { schema } = release.features;
  const { manifestSha256 } = manifest;
  const pinned = { releaseId, manifestSha256 };
  const items = new ReleaseItems({ catalog, schema, embedder: new ItemEmbedderClient(embedder, pinned) });
  const engine = new RecallEngine({
    ports: {
      embedder: new UserEmbedderClient(embedder, pinned),
      index: new ItemIndexClient(index, pinned),
      userIndex: new UserIndexClient(index, pinned),
      store: new NeighborClient(neighbors, manifestSha256),
    },
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
  return openedRelease(release, { engine, catalog, schema }, () => {
    liveItems.remove(items);
    return Promise.resolve();
  });
}
