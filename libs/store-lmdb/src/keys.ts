import { MicError, type ReleaseId } from '@mic/domain';

/**
 * Longest user id in UTF-8 bytes: LMDB takes keys of 1,978 bytes, control characters are escaped to two, and a key holds
 * a release id of up to 63 as well.
 */
export const MAX_USER_ID_BYTES = 900;

/**
 * All keys of the store, in one place. A key is an array: LMDB orders arrays element by element, so that the records of a
 * release are one range; any string is safe as an element (control characters are escaped). Values are packed binary (codec.ts) or, for the few control records, JSON.
 *
 * | key                               | value                                                        |
 * |-----------------------------------|--------------------------------------------------------------|
 * | ['meta', 'format']                | JSON: format version of the store                            |
 * | ['meta', 'pointer']               | JSON: ReleasePointer                                         |
 * | ['meta', 'release', ID]           | JSON: SealedRelease                                          |
 * | ['meta', 'begun', ID]             | '': records of a release that is not sealed may be there     |
 * | ['meta', 'lease']                 | JSON: who may change the releases, until when                |
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
  begun: (id: ReleaseId) => ['meta', 'begun', id],
  allBegun: { start: ['meta', 'begun', ''], end: ['meta', 'begun', '\uffff'] },
  lease: ['meta', 'lease'],
  history: (userId: string) => ['h', checkUserId(userId)],
  /** Histories of a user and of all that come behind it. */
  historiesFrom: (userId: string) => ({ start: ['h', userId], end: ['i'] }),
  user: (id: ReleaseId, userId: string) => ['r', id, 'u', checkUserId(userId)],
  userName: (id: ReleaseId, row: number) => ['r', id, 'n', row],
  similarItems: (id: ReleaseId, row: number) => ['r', id, 'i', row],
  /** Every record of a release but its seal. */
  releaseRecords: (id: ReleaseId) => ({ start: ['r', id, ''], end: ['r', id, '\uffff'] }),
};

/** @throws MicError INVALID_ARGUMENT when the id is too long to be a key. */
function checkUserId(userId: string): string {
  if (userId.length * 3 <= MAX_USER_ID_BYTES || Buffer.byteLength(userId) <= MAX_USER_ID_BYTES) return userId;
  throw new MicError('INVALID_ARGUMENT', `a user id of ${Buffer.byteLength(userId)} bytes is too long for the store`, {
    subject: 'user_id',
    remedy: `use ids of at most ${MAX_USER_ID_BYTES} bytes`,
  });
}
