import { join } from 'node:path';
import { MicError } from '@mic/domain';
import { openStore } from '@mic/open-store';
import { openRelease, type OpenRelease } from '@mic/release';
import type { Home } from './home';

/**
 * The release that a new one is compared with: the one given, or what the store serves now; null where nothing is
 * published, or `none` is given.
 *
 * @throws MicError NOT_FOUND, DATA_LOSS when its folder is not in the home or is damaged.
 */
export async function openParent(home: Home, store: string, given: string | undefined): Promise<OpenRelease | null> {
  if (given === 'none') return null;
  const releaseId = given ?? (await servedBy(store));
  if (releaseId === null) return null;
  try {
    return await openRelease(join(home.releases, releaseId));
  } catch (error) {
    const { code, message } = error as MicError;
    throw new MicError(code, `the gate cannot compare with release ${releaseId}: ${message}`, {
      subject: releaseId,
      remedy: 'restore its folder, name another release with --parent, or build with --parent none',
      cause: error,
    });
  }
}

async function servedBy(address: string): Promise<string | null> {
  const store = await openStore({ store: address, readOnly: true }).catch((error: unknown) => {
    if (error instanceof MicError && error.code === 'NOT_FOUND') return null;
    throw error;
  });
  if (!store) return null;
  const pointer = await store.pointer().finally(() => store.close());
  return pointer?.releaseId ?? null;
}
