import type { ReleaseId } from '@mic/domain';

/**
 * All keys of the store, in one place. A key is an array: LMDB orders arrays element by element, so that the records of a
 * release are one range. Values are packed binary (codec.ts) or, for the few control records, JSON.
 *
 * | key                               | value                                                        |
 * |-----------------------------------|--------------------------------------------------------------|
 * | ['meta', 'format']                | JSON: format version of the store                            |
 * | ['meta', 'pointer']               | JSON: ReleasePointer                                         |
 * | ['meta', 'release', ID]           | JSON: SealedRelease                                          |
 * | ['h', USER]                       | history of a user (outlives releases)                        |
 * | ['r', ID, 'u', USER]              | a release's user: row, embedding, profile, similar users     |
 * | ['r', ID, 'n', ROW]               | user id of a row, UTF-8                                      |
 * | ['r', ID, 'i', ROW]               | similar items of an item row                                 |
 */
export const keys = {
  format: ['meta', 'format'],
  pointer: ['meta', 'pointer'],
  sealedRelease: (id: ReleaseId) => ['meta', 'release', id],
  sealedReleases: { start: ['meta', 'release', ''], end: ['meta', 'release', '\uffff'] },
  history: (userId: string) => ['h', userId],
  user: (id: ReleaseId, userId: string) => ['r', id, 'u', userId],
  userName: (id: ReleaseId, row: number) => ['r', id, 'n', row],
  similarItems: (id: ReleaseId, row: number) => ['r', id, 'i', row],
  /** Every record of a release but its seal. */
  releaseRecords: (id: ReleaseId) => ({ start: ['r', id, ''], end: ['r', id, '\uffff'] }),
};
