import type { ReleaseRecords, ReleaseSummary } from '@mic/recall';

/** Sealed releases of a store: the current one, then the others, newest first; none while nothing is published. */
export async function currentFirst(store: ReleaseRecords): Promise<readonly ReleaseSummary[]> {
  const [pointer, sealed] = await Promise.all([store.pointer(), store.releases()]);
  const current = sealed.find(({ releaseId }) => releaseId === pointer?.releaseId);
  if (!current) return [];
  return [current, ...sealed.filter((release) => release !== current).reverse()];
}
