import { MicError, type ReleaseId } from '@mic/domain';

/**
 * Longest id of a user or item in UTF-8 bytes: LMDB takes keys of 1,978 bytes, control characters are escaped to two, and a key holds
 * a release id of up to 63 as well.
 */
export const MAX_ID_BYTES = 900;

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
 * | ['meta', 'items']                 | JSON: revision, epoch and number of the live items           |
 * | ['meta', 'item', ITEM]            | JSON: revision of the newest change of a live item           |
 * | ['meta', 'item-change', REVISION] | JSON: LiveItemRecord, what is said of that item since then   |
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
  liveItems: ['meta', 'items'],
  liveItem: (itemId: string) => ['meta', 'item', checkId('item', itemId)],
  liveItemChange: (revision: number) => ['meta', 'item-change', revision],
  /** Changes that are newer than a revision. */
  liveItemChangesAfter: (revision: number) => ({
    start: ['meta', 'item-change', revision + 1],
    end: ['meta', 'item-change', Number.MAX_SAFE_INTEGER],
  }),
  history: (userId: string) => ['h', checkId('user', userId)],
  /** Histories of a user and of all that come behind it. */
  historiesFrom: (userId: string) => ({ start: ['h', userId], end: ['i'] }),
  user: (id: ReleaseId, userId: string) => ['r', id, 'u', checkId('user', userId)],
  userName: (id: ReleaseId, row: number) => ['r', id, 'n', row],
  similarItems: (id: ReleaseId, row: number) => ['r', id, 'i', row],
  /** Every record of a release but its seal. */
  releaseRecords: (id: ReleaseId) => ({ start: ['r', id, ''], end: ['r', id, '\uffff'] }),
};

/** @throws MicError INVALID_ARGUMENT when the id is too long to be a key. */
function checkId(kind: 'user' | 'item', id: string): string {
  if (id.length * 3 <= MAX_ID_BYTES || Buffer.byteLength(id) <= MAX_ID_BYTES) return id;
  const article = kind === 'user' ? 'a' : 'an';
  const message = `${article} ${kind} id of ${Buffer.byteLength(id)} bytes is too long for the store`;
  throw new MicError('INVALID_ARGUMENT', message, {
    subject: `${kind}_id`,
    remedy: `use ids of at most ${MAX_ID_BYTES} bytes`,
  });
}
