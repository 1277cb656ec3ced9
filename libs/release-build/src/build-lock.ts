import { mkdir } from 'node:fs/promises';
import { MicError } from '@mic/domain';
import lockfile from 'proper-lockfile';

/** A holder that has not said for so long that it is alive has died, milliseconds. */
const STALE_MS = 5_000;
/** How often a holder says so. */
const UPDATE_MS = 1_000;
/** How long others wait: longer than a dead holder's lock lasts. */
const WAIT_MS = 7_000;
const PAUSE_MS = 250;

/**
 * Does something as the only one that works on a folder: others wait until a holder that was killed counts as dead, and
 * are refused when it is alive.
 *
 * @throws MicError FAILED_PRECONDITION when another process holds the folder; what the file system says when it cannot be locked.
 */
export async function withLock<T>(folder: string, what: string, work: () => Promise<T>, waitMs = WAIT_MS): Promise<T> {
  await mkdir(folder, { recursive: true });
  const lost: { why?: Error } = {};
  const release = await lockfile
    .lock(folder, {
      lockfilePath: `${folder}/.lock`,
      stale: STALE_MS,
      update: UPDATE_MS,
      retries: { retries: Math.floor(waitMs / PAUSE_MS), factor: 1, minTimeout: PAUSE_MS, maxTimeout: PAUSE_MS },
      onCompromised: (error) => {
        lost.why = error;
      },
    })
    .catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'ELOCKED') throw cause;
      throw new MicError('FAILED_PRECONDITION', `${what} is at work in ${folder} already`, {
        subject: folder,
        remedy: 'wait until it has ended, or stop it',
        cause,
      });
    });
  try {
    const result = await work();
    if (lost.why) throw lost.why;
    return result;
  } finally {
    if (!lost.why) await release();
  }
}
