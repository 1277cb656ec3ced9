import { openStore } from '@mic/open-store';
import { openRelease, publishRelease, type Published } from '@mic/release';
import type { Home } from './home';
import { releaseFolder } from './release-folder';
import { StageBars } from './stage-bars';

export interface PublishRun {
  readonly home: Home;
  readonly releaseId: string;
  /** Address of the store. */
  readonly store: string;
  readonly keep?: number;
  readonly despiteGate?: boolean;
}

/** Verifies a release of a home and makes it the one that the store serves, with a progress bar for each step. */
export async function runPublish({ home, releaseId, store, keep, despiteGate }: PublishRun): Promise<Published> {
  const release = await openRelease(releaseFolder(home, releaseId));
  const target = await openStore({ store });
  const bars = new StageBars('publish');
  try {
    return await publishRelease({ release, target, keep, despiteGate, onProgress: (progress) => bars.show(progress) });
  } finally {
    bars.stop();
    await target.close();
  }
}
