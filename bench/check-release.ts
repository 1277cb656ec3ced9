import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReleaseId } from '@mic/domain';
import type { PublishedUser, Store } from '@mic/recall';
import { openRelease, verifyRelease, type OpenRelease } from '@mic/release';

/** Records asked for at a time. */
const AT_ONCE = 500;

/** What a reader of the releases folder could open and must not: releases that are not whole. One line each. */
export async function brokenReleases(releasesDir: string): Promise<string[]> {
  const visible = (await readdir(releasesDir)).filter((name) => !name.startsWith('.'));
  const reports = await Promise.all(visible.map((name) => verifyRelease(join(releasesDir, name))));
  return reports.flatMap(({ directory, ok, problems }) =>
    ok ? [] : [`${directory} is there and not whole: ${problems.map(({ path }) => path).join(', ')}`],
  );
}

/** Where the pointer is wrong: it names no release that may be served, or one of which a record is missing or another. */
export async function pointerProblems(
  store: Store,
  releasesDir: string,
  allowed: readonly ReleaseId[],
): Promise<string[]> {
  const pointer = await store.pointer();
  if (!pointer || !allowed.includes(pointer.releaseId)) {
    return [`the pointer names ${pointer?.releaseId ?? 'nothing'}, not one of ${allowed.join(', ')}`];
  }
  const release = await openRelease(join(releasesDir, pointer.releaseId));
  const sealed = (await store.releases()).find(({ releaseId }) => releaseId === pointer.releaseId);
  const sums = [pointer.manifestSha256, sealed?.manifestSha256];
  if (sums.some((sum) => sum !== release.manifest.manifestSha256)) return [`${pointer.releaseId} is not sealed`];
  return [...(await userProblems(store, release)), ...(await itemProblems(store, release))];
}

/** Records that are in a store of releases that must not be there any more. One line for each release. */
export async function recordsLeft(store: Store, releasesDir: string, gone: readonly ReleaseId[]): Promise<string[]> {
  const problems: string[] = [];
  for (const releaseId of gone) {
    const release = await openRelease(join(releasesDir, releaseId));
    let left = 0;
    for await (const users of release.readUserIds(AT_ONCE)) {
      const there = await Promise.all(users.map((user) => store.hasUsers(releaseId, [user])));
      left += there.filter(Boolean).length;
    }
    for (let row = 0; row < release.manifest.counts.items; row++) {
      if (await store.hasSimilarItems(releaseId, row, 1)) left++;
    }
    if (left > 0) problems.push(`${left} records of ${releaseId} are left in the store`);
  }
  return problems;
}

/** How much of a release that is being written is there. */
export async function writtenSoFar(
  store: Store,
  release: OpenRelease,
): Promise<{ readonly users: boolean; readonly items: boolean }> {
  for await (const users of release.readUserIds(AT_ONCE)) {
    if (!(await store.hasUsers(release.releaseId, users))) return { users: false, items: false };
  }
  return { users: true, items: await store.hasSimilarItems(release.releaseId, 0, release.manifest.counts.items) };
}

async function userProblems(store: Store, release: OpenRelease): Promise<string[]> {
  const { releaseId, manifest } = release;
  const isWrong = async ({ userId, embedding, profile }: PublishedUser): Promise<boolean> => {
    const request = { releaseId, manifestSha256: manifest.manifestSha256, userId, historyLimit: 0 };
    const { userRow, profile: stored } = await store.userContext(request, callOptions());
    return !isSame(userRow, embedding) || !isSame(stored, profile);
  };
  let wrong = 0;
  for await (const users of release.readUsers(AT_ONCE)) {
    if (!(await store.hasUsers(releaseId, users))) return [`records of users of ${releaseId} are missing`];
    wrong += (await Promise.all(users.map(isWrong))).filter(Boolean).length;
  }
  return wrong > 0 ? [`${wrong} users of ${releaseId} are wrong in the store`] : [];
}

async function itemProblems(store: Store, { releaseId, readSimilarItems }: OpenRelease): Promise<string[]> {
  for await (const { firstRow, lists } of readSimilarItems(AT_ONCE)) {
    const count = lists.offsets.length - 1;
    if (!(await store.hasSimilarItems(releaseId, firstRow, count))) return [`items of ${releaseId} are missing`];
    const itemRows = Uint32Array.from({ length: count }, (_, i) => firstRow + i);
    const stored = await store.similarItems({ releaseId, itemRows, limit: 1_000 }, callOptions());
    if (!isSame(stored.rows, lists.rows)) return [`similar items of ${releaseId} are wrong in the store`];
  }
  return [];
}

const callOptions = () => ({ signal: new AbortController().signal, requestId: 'bench' });

function isSame(a: ArrayLike<number> | null, b: ArrayLike<number>): boolean {
  return a?.length === b.length && Array.prototype.every.call(a, (value, i) => value === b[i]);
}
