import { MicError, toMicError } from '@mic/domain';
import { damaged } from '@mic/store-records';

// Codes of lmdb.h.
const DAMAGED = new Set([-30797, -30796, -30793]); // MDB_PAGE_NOTFOUND, MDB_CORRUPTED, MDB_INVALID
const FULL = new Set([-30792, 28]); // MDB_MAP_FULL, ENOSPC

/** LMDB's errors in our codes; errors of ours as they are. */
export function toStoreError(error: unknown): MicError {
  const code = error instanceof Error && 'code' in error ? Number(error.code) : Number.NaN;
  if (DAMAGED.has(code)) return damaged(`the store is damaged: ${(error as Error).message.trim()}`, error);
  if (FULL.has(code)) {
    return new MicError('RESOURCE_EXHAUSTED', `the store cannot grow: ${(error as Error).message.trim()}`, {
      remedy: 'free space on its disk, or remove releases that nobody serves',
      cause: error,
    });
  }
  return toMicError(error);
}
