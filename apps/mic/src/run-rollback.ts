import { MicError, parseReleaseId, type ReleaseId } from '@mic/domain';
import { openStore } from '@mic/open-store';
import type { ReleasePointer, ReleaseRecords, ReleaseSummary } from '@mic/recall';
import { readManifest, withLease } from '@mic/release';
import type { Home } from './home';
import { releaseFolder } from './release-folder';

/**
 * Moves the pointer back: to the release that was sealed before the current one, or to the one given. The release's
 * folder must be in the home, with the content that was published: services could not open it otherwise. A publish under
 * way is ended.
 *
 * @throws MicError FAILED_PRECONDITION when there is none to go back to, or its folder is gone or another one.
 */
export async function runRollback(
  home: Home,
  store: string,
  to: string | undefined,
): Promise<{ readonly from: ReleaseId; readonly pointer: ReleasePointer }> {
  const target = await openStore({ store });
  try {
    const { from, wanted } = await choose(target, to);
    await checkFolder(home, wanted);
    const by = { force: true };
    const move = (holder: string): Promise<ReleasePointer> => target.movePointer(wanted.releaseId, holder);
    return { from, pointer: await withLease(target, `rollback to ${wanted.releaseId}`, 0, move, by) };
  } finally {
    await target.close();
  }
}

async function choose(
  store: ReleaseRecords,
  to: string | undefined,
): Promise<{ readonly from: ReleaseId; readonly wanted: ReleaseSummary }> {
  const [pointer, sealed] = await Promise.all([store.pointer(), store.releases()]);
  if (!pointer) throw nowhere('nothing is published in the store', 'publish a release first: mic publish');
  const ids = sealed.map(({ releaseId }) => releaseId);
  const current = ids.indexOf(pointer.releaseId);
  // A pointer to a release that is gone: the newest one that is there.
  const before = current < 0 ? ids.at(-1) : ids[current - 1];
  const wantedId = to === undefined ? before : parseReleaseId(to);
  if (wantedId === undefined) {
    throw nowhere(
      `${pointer.releaseId} is the oldest release in the store`,
      `the store has ${ids.join(', ')}: name one with --to, or publish another`,
    );
  }
  const wanted = sealed.find(({ releaseId }) => releaseId === wantedId);
  if (!wanted) throw nowhere(`release ${wantedId} is not in the store`, `the store has ${ids.join(', ')}`);
  return { from: pointer.releaseId, wanted };
}

async function checkFolder(home: Home, { releaseId, manifestSha256 }: ReleaseSummary): Promise<void> {
  const folder = releaseFolder(home, releaseId);
  const found = await readManifest(folder).catch(() => null);
  if (found?.manifestSha256 === manifestSha256) return;
  throw nowhere(
    `${folder} does not hold release ${releaseId} as it was published`,
    'restore the folder, or choose another release with --to',
  );
}

const nowhere = (message: string, remedy: string): MicError => new MicError('FAILED_PRECONDITION', message, { remedy });
