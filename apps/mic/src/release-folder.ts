import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseReleaseId } from '@mic/domain';
import { MANIFEST_FILE } from '@mic/release';
import type { Home } from './home';

/** Folder of a release of this home. @throws MicError INVALID_ARGUMENT when the text is no release id. */
export function releaseFolder(home: Home, releaseId: string): string {
  return join(home.releases, parseReleaseId(releaseId));
}

/**
 * Folder of a release that is given by its id or as a folder.
 *
 * @throws MicError INVALID_ARGUMENT when the text is neither a folder with a manifest nor a release id.
 */
export function releaseOrFolder(home: Home, given: string): string {
  return existsSync(join(given, MANIFEST_FILE)) ? resolve(given) : releaseFolder(home, given);
}
