import { join } from 'node:path';
import { parseReleaseId } from '@mic/domain';
import type { Home } from './home';

/** Folder of a release of this home. @throws MicError INVALID_ARGUMENT when the text is no release id. */
export function releaseFolder(home: Home, releaseId: string): string {
  return join(home.releases, parseReleaseId(releaseId));
}
