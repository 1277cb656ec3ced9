import type { ReleasePointer, ReleasePublisher } from '@mic/recall';
import { releaseSummary } from './manifest';
import type { OpenRelease } from './open-release';

/** How far publishing is, in rows. */
export interface PublishProgress {
  readonly stage: 'users' | 'items';
  readonly done: number;
  readonly total: number;
}

/**
 * Puts a release into a store and makes it the current one: users, similar items, seal, pointer, in this order, so that
 * a reader never meets half a release. Running it again after a failure, or twice, comes to the same; a release that
 * is sealed already is not written again.
 *
 * @throws MicError ALREADY_EXISTS when the store has another release under this id.
 */
export async function publishRelease(request: {
  readonly release: OpenRelease;
  readonly target: ReleasePublisher;
  readonly onProgress?: (progress: PublishProgress) => void;
}): Promise<ReleasePointer> {
  const { release, target, onProgress } = request;
  const { releaseId, manifest } = release;
  if (!(await target.releases()).some((sealed) => sealed.releaseId === releaseId)) {
    let done = 0;
    for await (const users of release.readUsers()) {
      await target.writeUsers(releaseId, users);
      done += users.length;
      onProgress?.({ stage: 'users', done, total: manifest.counts.users });
    }
    for await (const { firstRow, lists } of release.readSimilarItems()) {
      await target.writeSimilarItems(releaseId, firstRow, lists);
      done = firstRow + lists.offsets.length - 1;
      onProgress?.({ stage: 'items', done, total: manifest.counts.items });
    }
  }
  await target.seal(releaseSummary(manifest));
  return target.movePointer(releaseId);
}
