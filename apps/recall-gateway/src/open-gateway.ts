import { RecallEngine, warmUp, type HistoryWriter } from '@mic/recall';
import { loadProfiles } from '@mic/recall-api';
import { releaseSummary } from '@mic/release';
import { ItemIndexClient, NeighborClient, UserEmbedderClient } from '@mic/service-clients';
import { openPublishedRelease, type EventLoopDelay, type Opened } from '@mic/service-host';
import type { config } from './config';

/** What the gateway answers from. */
export interface Gateway {
  readonly engine: RecallEngine;
  readonly history: HistoryWriter;
  /** Largest `n` that any profile allows. */
  readonly maxN: number;
}

/** The recall path over the three services, pinned to the release that is published. */
export async function openGateway(
  settings: ReturnType<typeof config.parse>,
  loopDelay: EventLoopDelay,
): Promise<Opened<Gateway>> {
  const profiles = await loadProfiles(settings.MIC_PROFILES);
  const { MIC_STORE: store, MIC_RELEASES: releases } = settings;
  const { releaseId, catalog, manifest } = await openPublishedRelease({ store, releases });
  const release = { releaseId, manifestSha256: manifest.manifestSha256 };
  const embedder = UserEmbedderClient.connect(settings.MIC_USER_EMBEDDER);
  const index = ItemIndexClient.connect(settings.MIC_ANN_SERVICE);
  const neighbors = NeighborClient.connect(settings.MIC_NEIGHBOR_STORE);
  const neighborClient = new NeighborClient(neighbors, release.manifestSha256);
  const engine = new RecallEngine({
    ports: {
      embedder: new UserEmbedderClient(embedder, release),
      index: new ItemIndexClient(index, release),
      store: neighborClient,
    },
    catalog,
    profiles,
    queueDelayMs: () => loopDelay.recentMs(),
  });
  await warmUp(engine, catalog);
  return {
    value: {
      engine,
      history: neighborClient,
      maxN: Math.max(...Object.values(profiles.profiles).map(({ n }) => n.max)),
    },
    releases: () => Promise.resolve([releaseSummary(manifest)]),
    close: () => {
      for (const client of [embedder, index, neighbors]) client.close();
      return Promise.resolve();
    },
  };
}
