import { openStore } from '@mic/open-store';
import type { ReleasePointer } from '@mic/recall';
import { openRelease, publishRelease } from '@mic/release';
import type { Home } from './home';
import { withProgress } from './progress';
import { releaseFolder } from './release-folder';

/** Verifies a release of a home and makes it the one that the store serves, under a progress bar. */
export async function runPublish(releaseId: string, home: Home, store: string): Promise<ReleasePointer> {
  const release = await openRelease(releaseFolder(home, releaseId));
  const { users, items } = release.manifest.counts;
  const target = await openStore({ store });
  try {
    return await withProgress('publish', (onProgress) =>
      publishRelease({
        release,
        target,
        onProgress: ({ stage, done }) => {
          onProgress(stage === 'users' ? done : users + done, users + items);
        },
      }),
    );
  } finally {
    await target.close();
  }
}
