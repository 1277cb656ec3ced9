import { join } from 'node:path';
import { MicError } from '@mic/domain';
import type { ReleasePointer } from '@mic/recall';
import { openParts, releaseSummary, type ReleasePart, type ServedRelease } from '@mic/release';
import type { OpenedRelease } from './open-releases';

/**
 * Opens the parts of a published release that a service uses.
 *
 * @param releases folder that holds the releases.
 * @param gently see openParts.
 * @throws MicError FAILED_PRECONDITION when the folder holds other content than was published; NOT_FOUND, DATA_LOSS when it
 *   is missing or damaged.
 */
export async function openPublishedParts<P extends ReleasePart>(
  releases: string,
  pointer: Pick<ReleasePointer, 'releaseId' | 'manifestSha256'>,
  parts: readonly P[],
  gently: boolean,
): Promise<ServedRelease<P>> {
  const directory = join(releases, pointer.releaseId);
  const release = await openParts(directory, parts, gently);
  const { id, manifestSha256 } = release.manifest;
  if (id === pointer.releaseId && manifestSha256 === pointer.manifestSha256) return release;
  throw new MicError('FAILED_PRECONDITION', `release ${pointer.releaseId} is not the one that was published`, {
    subject: directory,
    remedy: 'restore the folder of the release that was published, or publish another one',
  });
}

/** A release as OpenReleases takes it. */
export function openedRelease<T>(
  { manifest }: Pick<ServedRelease<never>, 'manifest'>,
  value: T,
  close: () => Promise<void> = () => Promise.resolve(),
): OpenedRelease<T> {
  return { summary: releaseSummary(manifest), value, close };
}
