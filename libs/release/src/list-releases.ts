import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from './manifest';
import { readManifest } from './read-manifest';

/** A folder under the releases folder. */
export interface ListedRelease {
  readonly directory: string;
  /** Null when the folder has no intact manifest. Other files are not looked at. */
  readonly manifest: Manifest | null;
}

/** The releases of a folder, oldest build first, those without an intact manifest last; none when it is missing. */
export async function listReleases(releasesDir: string): Promise<ListedRelease[]> {
  const entries = await readdir(releasesDir, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  // Hidden folders are releases that are being written, or were when a build died.
  const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => name);
  const listed = await Promise.all(
    folders.sort().map(async (name) => {
      const directory = join(releasesDir, name);
      return { directory, manifest: await readManifest(directory).catch(() => null) };
    }),
  );
  const builtAt = ({ manifest }: ListedRelease): number => (manifest ? Date.parse(manifest.createdAt) : Infinity);
  return listed.sort((a, b) => {
    const [timeA, timeB] = [builtAt(a), builtAt(b)];
    return timeA === timeB ? 0 : timeA - timeB;
  });
}
