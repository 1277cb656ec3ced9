import { join } from 'node:path';
import { MicError } from '@mic/domain';
import { requireIntact } from '@mic/release';
import { nothingPublished, storeRecords } from '@mic/service-host';
import type { Home } from './home';

/**
 * Looks at every file of the release that a store points at, before anything is started that would only wait for it.
 *
 * @param store its address.
 * @throws MicError FAILED_PRECONDITION when nothing is published, or the home has another content under its id; NOT_FOUND,
 *   DATA_LOSS when its folder is missing or damaged.
 */
export async function checkPublished(home: Home, store: string): Promise<void> {
  const records = storeRecords(store);
  const pointer = await records
    .get()
    .then((opened) => opened.pointer())
    .finally(() => records.close());
  if (!pointer) throw nothingPublished();
  const folder = join(home.releases, pointer.releaseId);
  const { manifestSha256 } = await requireIntact(folder);
  if (manifestSha256 === pointer.manifestSha256) return;
  throw new MicError('FAILED_PRECONDITION', `release ${pointer.releaseId} is not the one that was published`, {
    subject: folder,
    remedy: 'restore the folder of the release that was published, or publish another one',
  });
}
