import { MicError } from '@mic/domain';
import { openStore } from '@mic/open-store';
import { openRelease, publishRelease, type OpenRelease, type Published } from '@mic/release';
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

/**
 * Verifies a release of a home and makes it the one that the store serves, with a progress bar for each step.
 *
 * @throws MicError FAILED_PRECONDITION when the folder of that id holds another release; DATA_LOSS, naming every bad file; and
 *   what publishRelease throws.
 */
export async function runPublish({ home, releaseId, store, keep, despiteGate }: PublishRun): Promise<Published> {
  const release = await openNamed(releaseFolder(home, releaseId), releaseId);
  const target = await openStore({ store });
  const bars = new StageBars('publish');
  try {
    return await publishRelease({ release, target, keep, despiteGate, onProgress: (progress) => bars.show(progress) });
  } finally {
    bars.stop();
    await target.close();
  }
}

/** A folder is as good under any name, but a release is published under its own. */
async function openNamed(folder: string, releaseId: string): Promise<OpenRelease> {
  const release = await openRelease(folder);
  if (release.releaseId === releaseId) return release;
  throw new MicError('FAILED_PRECONDITION', `${folder} holds release ${release.releaseId}`, {
    subject: folder,
    remedy: 'give each release back the folder of its own id, and publish again',
  });
}
