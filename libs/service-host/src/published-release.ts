import { join } from 'node:path';
import { MicError } from '@mic/domain';
import { openStore } from '@mic/open-store';
import type { ReleasePointer } from '@mic/recall';
import { openRelease, type OpenRelease } from '@mic/release';

export interface PublishedReleaseOptions {
  /** The store whose pointer names the release. */
  readonly store: string;
  /** Folder that holds the releases. */
  readonly releases: string;
}

/**
 * Opens the release that the store points at, verified.
 *
 * @throws MicError FAILED_PRECONDITION when nothing is published, or the folder holds other content than was published;
 *   NOT_FOUND, DATA_LOSS when the folder is missing or damaged; UNAVAILABLE when the store does not answer.
 */
export async function openPublishedRelease({ store, releases }: PublishedReleaseOptions): Promise<OpenRelease> {
  const pointer = await readPointer(store);
  const release = await openRelease(join(releases, pointer.releaseId));
  if (release.manifest.manifestSha256 === pointer.manifestSha256) return release;
  throw new MicError('FAILED_PRECONDITION', `release ${pointer.releaseId} is not the one that was published`, {
    subject: release.directory,
    remedy: 'restore the folder of the release that was published, or publish another one',
  });
}

async function readPointer(address: string): Promise<ReleasePointer> {
  const store = await openStore({ store: address, readOnly: true }).catch((error: unknown) => {
    throw error instanceof MicError && error.code === 'NOT_FOUND' ? nothingPublished() : error;
  });
  const pointer = await store.pointer().finally(() => store.close());
  if (!pointer) throw nothingPublished();
  return pointer;
}

export const nothingPublished = (): MicError =>
  new MicError('FAILED_PRECONDITION', 'no release is published in the store', {
    subject: 'store',
    remedy: 'build one with `mic build` and publish it with `mic publish`, or run `mic demo`',
  });
