import { MicError } from '@mic/domain';
import type { Store } from '@mic/recall';
import { LmdbStore } from '@mic/store-lmdb';
import { isRedisUrl, RedisStore } from '@mic/store-redis';

export interface OpenStoreOptions {
  /** A folder (LMDB), or the address of a Redis: redis://, redis+sentinel:// or redis+cluster://. */
  readonly store: string;
  /** Events kept per user: the newest ones. 1,000 by default. */
  readonly historyCap?: number;
  /** An event that is older, by its own time, is neither returned nor kept, milliseconds; without it events of any age are kept. */
  readonly historyTtlMs?: number;
  /** Items that the store has a record of beside the releases, at most; 10,000 by default. */
  readonly liveItemsCap?: number;
  /** For a reader beside the process that writes; matters to an LMDB folder only. */
  readonly readOnly?: boolean;
}

/**
 * Opens the store that an address names, with the backend that it needs.
 *
 * @throws MicError INVALID_ARGUMENT when the address is none; UNAVAILABLE or FAILED_PRECONDITION when it cannot be opened.
 */
export async function openStore({ store, readOnly, ...limits }: OpenStoreOptions): Promise<Store> {
  if (isRedisUrl(store)) return RedisStore.open({ url: store, ...limits });
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(store)) {
    throw new MicError('INVALID_ARGUMENT', `there is no store for ${store.slice(0, store.indexOf(':'))}://`, {
      subject: 'store',
      remedy: 'give a folder, redis://host:port, redis+sentinel://... or redis+cluster://...',
    });
  }
  return LmdbStore.open({ path: store, readOnly, ...limits });
}
