import type { ReleaseRecords } from '@mic/recall';
import type { ReleaseState } from '@mic/service-host';

/**
 * Releases that a store can answer from: the published one first, then the others, newest first. Where the pointer names
 * one that is not there, the newest stands first, and the problem says so.
 */
export async function storeState(store: ReleaseRecords): Promise<ReleaseState> {
  const [pointer, sealed] = await Promise.all([store.pointer(), store.releases()]);
  const newestFirst = sealed.toReversed();
  const published = newestFirst.find(({ releaseId }) => releaseId === pointer?.releaseId);
  const current = pointer ? (published ?? newestFirst[0] ?? null) : null;
  const problem = pointer && !published ? `release ${pointer.releaseId} is published and is not in the store` : null;
  return {
    current,
    open: current ? [current, ...newestFirst.filter((release) => release !== current)] : [],
    wanted: pointer?.releaseId ?? null,
    problem,
  };
}
