import { MicError } from '@mic/domain';
import type { ReleaseSummary } from '@mic/recall';

/**
 * Holds the release that a request names against the one that is open.
 * @throws MicError FAILED_PRECONDITION when it is another one, or one of other content under the same id.
 */
export function checkRelease(
  open: ReleaseSummary,
  wanted: { readonly releaseId: string; readonly manifestSha256: string },
): void {
  if (wanted.releaseId !== open.releaseId) {
    throw new MicError('FAILED_PRECONDITION', `release ${wanted.releaseId} is not open here, ${open.releaseId} is`, {
      subject: 'release_id',
      remedy: `ask for ${open.releaseId}, or bring caller and service to the same release`,
    });
  }
  if (wanted.manifestSha256 !== '' && wanted.manifestSha256 !== open.manifestSha256) {
    throw new MicError('FAILED_PRECONDITION', `release ${open.releaseId} has other content here`, {
      subject: 'manifest_sha256',
      remedy: 'give caller and service the same release folder; two contents must not share an id',
    });
  }
}
