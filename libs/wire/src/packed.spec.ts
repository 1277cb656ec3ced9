import { GetUserContextResponse, SearchResponse } from '@mic/contracts';
import { hashIds } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import {
  fromWireHistory,
  fromWireSimilarUsers,
  fromWireUsersItems,
  toWireHistory,
  toWireSimilarUsers,
  toWireUsersItems,
} from './history';
import { fromWireLists, toWireLists } from './scored-lists';

/** Through the bytes of a message, so that decoded views lie where they lie in real answers. */
const overTheWire = (history: ReturnType<typeof toWireHistory>) =>
  GetUserContextResponse.decode(
    GetUserContextResponse.encode(GetUserContextResponse.fromPartial({ releaseId: 'odd', history })).finish(),
  ).history;

const HISTORY = {
  itemHashes: hashIds(['a', 'b', 'c']),
  timesMs: Float64Array.of(253_402_300_799_999, 2, 1),
  weights: Float32Array.of(1, 0.5, 0.1),
};
const LISTS = {
  offsets: Uint32Array.of(0, 2, 2, 3),
  rows: Uint32Array.of(0xffffffff, 0, 7),
  scores: Float32Array.of(0.5, -0.25, 1),
};

describe('histories', () => {
  it('survive the wire, at any offset of the message', () => {
    expect(fromWireHistory(overTheWire(toWireHistory(HISTORY)))).toEqual(HISTORY);
  });

  it('that are views of a larger array are sent without the rest', () => {
    const view = { ...HISTORY, itemHashes: hashIds(['x', 'a', 'b', 'c', 'y']).subarray(2, 8) };
    expect(fromWireHistory(overTheWire(toWireHistory(view)))).toEqual(HISTORY);
  });

  it('are refused when their parts do not fit', () => {
    const wire = toWireHistory(HISTORY);
    expect(() => fromWireHistory(undefined)).toThrow(/no history/);
    expect(() => fromWireHistory({ ...wire, weights: [1] })).toThrow(/3 times with 1 weights/);
    expect(() => fromWireHistory({ ...wire, itemHashes: Buffer.alloc(23) })).toThrow(/23 bytes of hashes for 3 events/);
  });
});

describe('similar users', () => {
  const users = {
    userIds: ['v', 'w'],
    userRows: Uint32Array.of(7, 0xfffffffe),
    offsets: Uint32Array.of(0, 1, 3),
    itemHashes: HISTORY.itemHashes,
    timesMs: HISTORY.timesMs,
  };
  const found = { ...users, similarities: Float32Array.of(0.5, 0.25) };

  it('are the same again', () => {
    expect(fromWireSimilarUsers({ releaseId: 'r', ...toWireSimilarUsers(found) })).toEqual(found);
    expect(fromWireUsersItems(toWireUsersItems(users))).toEqual(users);
  });

  it.each([
    [{ userRows: [1] }, /2 users with 1 rows/],
    [{ similarities: [1] }, /2 users with 1 similarities/],
    [{ offsets: [0, 1] }, /2 offsets for 2 lists/],
    [{ offsets: [0, 1, 2] }, /share out 3 entries/],
    [{ offsets: [0, 4, 3] }, /share out 3 entries/],
    [{ offsets: [1, 1, 3] }, /share out 3 entries/],
    [{ itemHashes: Buffer.alloc(8) }, /8 bytes of hashes/],
  ])('are refused with %o', (wrong, message) => {
    expect(() => fromWireSimilarUsers({ releaseId: 'r', ...toWireSimilarUsers(found), ...wrong })).toThrow(message);
  });
});

describe('scored lists', () => {
  it('survive the wire', () => {
    const message = SearchResponse.fromPartial({ releaseId: 'r' });
    const bytes = SearchResponse.encode({ ...message, lists: toWireLists(LISTS) }).finish();
    expect(fromWireLists(SearchResponse.decode(bytes).lists, 3)).toEqual(LISTS);
  });

  it('are refused when they are not what was asked for', () => {
    expect(() => fromWireLists(undefined, 1)).toThrow(/no lists/);
    expect(() => fromWireLists(toWireLists(LISTS), 2)).toThrow(/4 offsets for 2 lists/);
    expect(() => fromWireLists({ ...toWireLists(LISTS), scores: [1] }, 3)).toThrow(/3 rows with 1 scores/);
  });
});
