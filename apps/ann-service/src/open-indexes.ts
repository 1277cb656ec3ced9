import { setTimeout as sleep } from 'node:timers/promises';
import { WorkerItemIndex } from '@mic/hnsw-index';
import type { ReleasePointer } from '@mic/recall';
import { openedRelease, openPublishedParts, type OpenedRelease } from '@mic/service-host';
import type { config } from './config';
import type { Indexes } from './handler';

/** Where the user-embedder is on the same machine, it opens the release meanwhile: one after the other is felt less. */
const OTHERS_FIRST_MS = 2_000;

/** Opens the indexes of a published release: item vectors in shared memory, an index of its own in each search thread. */
export async function openIndexes(
  { MIC_RELEASES: releases, MIC_SEARCH_THREADS: workers }: ReturnType<typeof config.parse>,
  pointer: ReleasePointer,
  beside: boolean,
  stopping: AbortSignal,
): Promise<OpenedRelease<Indexes>> {
  if (beside) await sleep(OTHERS_FIRST_MS, undefined, { signal: stopping }).catch(() => undefined);
  const release = await openPublishedParts(releases, pointer, ['index'], beside);
  const { releaseId, manifest } = release;
  const { vectors, indexPath } = release.index;
  const { kind } = manifest.index;
  const ef = manifest.index.kind === 'hnsw' ? manifest.index.ef : undefined;
  const { items: count } = manifest.counts;
  const { dimension } = manifest;
  const items = await WorkerItemIndex.open({ releaseId, vectors, count, dimension, kind, indexPath, ef, workers });
  return openedRelease(release, { vectors, items }, () => items.close());
}
