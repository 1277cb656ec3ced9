import { setTimeout as sleep } from 'node:timers/promises';
import { WorkerItemIndex, WorkerUserIndex } from '@mic/hnsw-index';
import type { ReleasePointer } from '@mic/recall';
import type { IndexFiles, IndexInfo, ServedRelease } from '@mic/release';
import { openedRelease, openPublishedParts, type OpenedRelease } from '@mic/service-host';
import type { config } from './config';
import type { Indexes } from './handler';

/** Where the user-embedder is on the same machine, it opens the release meanwhile: one after the other is felt less. */
const OTHERS_FIRST_MS = 2_000;

/**
 * Opens the indexes of a published release: vectors in shared memory, an index of its own in each search thread; that of the
 * users, where the settings say so, in one thread.
 */
export async function openIndexes(
  { MIC_RELEASES: releases, MIC_SEARCH_THREADS: workers, MIC_USER_INDEX: withUsers }: ReturnType<typeof config.parse>,
  pointer: ReleasePointer,
  beside: boolean,
  stopping: AbortSignal,
): Promise<OpenedRelease<Indexes>> {
  if (beside) await sleep(OTHERS_FIRST_MS, undefined, { signal: stopping }).catch(() => undefined);
  const parts = withUsers ? (['index', 'userIndex'] as const) : (['index'] as const);
  const release: ServedRelease<'index'> & Partial<ServedRelease<'userIndex'>> = await openPublishedParts(
    releases,
    pointer,
    parts,
    beside,
  );
  const { releaseId, manifest, index, userIndex } = release;
  const { counts, dimension } = manifest;
  const ofRelease = { releaseId, dimension };
  const items = await WorkerItemIndex.open({
    ...ofRelease,
    ...searched(index, manifest.index),
    count: counts.items,
    workers,
  });
  // A release may be without users; an index may not be without rows.
  if (userIndex === undefined || counts.users === 0) {
    return openedRelease(release, { vectors: index.vectors, items, users: null }, () => items.close());
  }
  try {
    const users = await WorkerUserIndex.open({
      ...ofRelease,
      ...searched(userIndex, manifest.userIndex),
      count: counts.users,
      items,
    });
    const indexes = { vectors: index.vectors, items, users: { vectors: userIndex.vectors, index: users } };
    return openedRelease(release, indexes, async () => {
      await users.close();
      await items.close();
    });
  } catch (error) {
    await items.close();
    throw error;
  }
}

/** What is searched, and how, as an index takes it. */
function searched({ vectors, indexPath }: IndexFiles, info: IndexInfo) {
  return { vectors, indexPath, kind: info.kind, ef: info.kind === 'hnsw' ? info.ef : undefined };
}
