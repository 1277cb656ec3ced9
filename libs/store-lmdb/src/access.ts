import { MicError } from '@mic/domain';
import type { Environment } from './open-environment';
import { toStoreError } from './store-error';

/** An open environment, and how it is written. */
export class LmdbAccess {
  readonly db: Environment;
  readonly #readOnly: boolean;

  constructor(db: Environment, readOnly: boolean) {
    this.db = db;
    this.#readOnly = readOnly;
  }

  /** Runs writes as one transaction; the promise resolves when they are on the disk. */
  async write<T>(write: () => T): Promise<T> {
    if (this.#readOnly) {
      throw new MicError('FAILED_PRECONDITION', 'the store was opened for reading only', {
        remedy: 'send writes to the process that writes the store',
      });
    }
    // lmdb commits what came before an error in a callback: callbacks throw before their first write, or not at all.
    // The error goes out by value, so that the commit of other callers' writes in the same batch is not affected.
    try {
      const result = await this.db.transaction(() => {
        try {
          return { value: write() };
        } catch (error) {
          return { error: toStoreError(error) };
        }
      });
      if ('error' in result) throw result.error;
      await this.db.flushed;
      return result.value;
    } catch (error) {
      throw toStoreError(error);
    }
  }
}

/** Runs a read, and gives LMDB's errors our codes. */
export function guarded<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw toStoreError(error);
  }
}
