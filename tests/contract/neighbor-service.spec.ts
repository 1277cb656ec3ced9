import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AppendEventsRequest,
  GetSimilarItemsRequest,
  GetSimilarUsersItemsRequest,
  GetUserContextRequest,
  GetUsersItemsRequest,
  NeighborServiceService,
  RemoveItemsRequest,
  UpsertItemsRequest,
} from '@mic/contracts';
import { hashIds, MicError } from '@mic/domain';
import type { LiveItemsMark, PublishedUser } from '@mic/recall';
import { sealRelease } from '@mic/store-conformance';
import { LmdbStore } from '@mic/store-lmdb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { neighborApi } from '../../apps/neighbor-store/src/handler';
import { HangingPort, bothWays, internalRpc, OPEN } from './internal-rpc';
import { rejection, type Caller } from './callers';

const { getUserContext, getSimilarUsersItems, getUsersItems, getSimilarItems, appendEvents, upsertItems, removeItems } =
  NeighborServiceService;
const { releaseId } = OPEN;
const HISTORY_CAP = 3;
const LIVE_ITEMS_CAP = 2_500;
let path: string;
let store: LmdbStore;

const user = (row: number, userId: string, similar: [number, number][] = []): PublishedUser => ({
  row,
  userId,
  embedding: Float32Array.of(row, 0.5),
  profile: Int32Array.of(row, 7),
  similarRows: Uint32Array.from(similar, ([other]) => other),
  similarities: Float32Array.from(similar, ([, similarity]) => similarity),
});

beforeAll(async () => {
  path = await mkdtemp(join(tmpdir(), 'mic-contract-'));
  store = await LmdbStore.open({ path, historyCap: HISTORY_CAP, liveItemsCap: LIVE_ITEMS_CAP });
  await store.writeUsers(releaseId, [
    user(0, 'ann', [
      [1, 0.75],
      [2, 0.5],
    ]),
    user(1, 'bob'),
    user(2, 'cid'),
  ]);
  await store.writeSimilarItems(releaseId, 0, {
    offsets: Uint32Array.of(0, 2, 2, 3),
    rows: Uint32Array.of(2, 1, 0),
    scores: Float32Array.of(0.5, 0.25, 0.5),
  });
  await sealRelease(store, OPEN);
  const event = (userId: string, itemId: string, timeMs: number) => ({ userId, itemId, timeMs, weight: timeMs / 8 });
  await store.appendEvents([event('ann', 'x', 8), event('bob', 'y', 16), event('bob', 'x', 24), event('zoe', 'z', 2)]);
});
afterAll(async () => {
  await store.close();
  await rm(path, { recursive: true, force: true });
});

const service = {
  open: () => neighborApi(() => store),
  throwing: (error: () => MicError) =>
    neighborApi(() => {
      throw error();
    }),
  over: (call: (...args: readonly unknown[]) => Promise<never>) =>
    neighborApi(() => ({
      userContext: call,
      similarUsersItems: call,
      usersItems: call,
      similarItems: call,
      appendEvents: call,
      writeLiveItems: call,
    })),
};
const contextRequest = (request: Partial<GetUserContextRequest>) =>
  GetUserContextRequest.fromPartial({ releaseId, userId: 'ann', historyLimit: 10, ...request });
const usersRequest = (request: Partial<GetSimilarUsersItemsRequest>) =>
  GetSimilarUsersItemsRequest.fromPartial({ releaseId, userId: 'ann', users: 5, itemsPerUser: 2, ...request });
const rowsRequest = (request: Partial<GetUsersItemsRequest>) =>
  GetUsersItemsRequest.fromPartial({ releaseId, userRows: [1], itemsPerUser: 2, ...request });
const itemsRequest = (request: Partial<GetSimilarItemsRequest>) =>
  GetSimilarItemsRequest.fromPartial({ releaseId, itemRows: [0], limit: 5, ...request });

internalRpc({ ...service, method: getUserContext, request: contextRequest({}) });
internalRpc({ ...service, method: getSimilarUsersItems, request: usersRequest({}) });
internalRpc({ ...service, method: getUsersItems, request: rowsRequest({}) });
internalRpc({ ...service, method: getSimilarItems, request: itemsRequest({}) });

/** 8 bytes an id, little-endian, as the proto says. */
const hashBytes = (...ids: string[]): string => Buffer.from(hashIds(ids).buffer).toString('hex');
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const wide = 'ü'.repeat(128); // 256 bytes
type Refusal<Request> = [string, Partial<Request>, string, string];
const badUsers: Refusal<{ userId: string }>[] = [
  ['no user', { userId: '' }, 'user_id', 'is empty'],
  ['a long user', { userId: `${wide}a` }, 'user_id', '257 bytes'],
];

/** Expects INVALID_ARGUMENT that names field, value and remedy. */
async function expectInvalid(call: Promise<unknown>, field: string, message: string): Promise<void> {
  const error = await rejection(call);
  expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', subject: field });
  expect(error.message).toContain(`${field} `);
  expect(error.message).toContain(message);
  expect(error.remedy).toBeTruthy();
}

bothWays(
  'GetUserContext',
  () => [service.open()],
  (caller) => {
    const context = (request: Partial<GetUserContextRequest>) => caller.call(getUserContext, contextRequest(request));

    it('gives row, profile and history of a user of the release', async () => {
      const { history, ...rest } = await context({ userId: 'bob' });
      expect(rest).toEqual({ releaseId, userKnown: true, userRow: [1, 0.5], profile: [1, 7] });
      expect(hex(history!.itemHashes)).toBe(hashBytes('x', 'y'));
      expect([history!.timesMs, history!.weights]).toEqual([
        [24, 16],
        [3, 2],
      ]);
    });

    it('gives the history of a user that the release does not know', async () => {
      const { history, ...rest } = await context({ userId: 'zoe' });
      expect(rest).toEqual({ releaseId, userKnown: false, userRow: [], profile: [] });
      expect([hex(history!.itemHashes), history!.timesMs]).toEqual([hashBytes('z'), [2]]);
    });

    it('gives no more history than asked for, and takes every limit', async () => {
      expect((await context({ userId: 'bob', historyLimit: 1 })).history!.timesMs).toEqual([24]);
      expect((await context({ userId: 'bob', historyLimit: 0 })).history!.timesMs).toEqual([]);
      expect((await context({ userId: wide, historyLimit: 10_000 })).userKnown).toBe(false);
    });

    it.each<Refusal<GetUserContextRequest>>([
      ...badUsers,
      ['a history of 10,001', { historyLimit: 10_001 }, 'history_limit', 'is 10001, 0 to 10000'],
    ])('INVALID_ARGUMENT: %s', async (_name, request, field, message) => {
      await expectInvalid(context(request), field, message);
    });
  },
);

bothWays(
  'GetSimilarUsersItems',
  () => [service.open()],
  (caller) => {
    const similar = async (request: Partial<GetSimilarUsersItemsRequest>) => {
      const answer = await caller.call(getSimilarUsersItems, usersRequest(request));
      return { ...answer, itemHashes: hex(answer.itemHashes) };
    };

    it('gives similar users, best first, with their newest items', async () => {
      expect(await similar({})).toEqual({
        releaseId,
        userIds: ['bob', 'cid'],
        userRows: [1, 2],
        similarities: [0.75, 0.5],
        offsets: [0, 2, 2],
        itemHashes: hashBytes('x', 'y'),
        timesMs: [24, 16],
      });
      const one = {
        userIds: ['bob'],
        userRows: [1],
        similarities: [0.75],
        offsets: [0, 1],
        itemHashes: hashBytes('x'),
        timesMs: [24],
      };
      expect(await similar({ users: 1, itemsPerUser: 1 })).toEqual({ releaseId, ...one });
    });

    it('gives empty lists where there is nobody, or nothing is wanted; takes every limit', async () => {
      const nobody = {
        releaseId,
        userIds: [],
        userRows: [],
        similarities: [],
        offsets: [0],
        itemHashes: '',
        timesMs: [],
      };
      expect(await similar({ userId: 'zoe' })).toEqual(nobody);
      expect(await similar({ userId: wide, users: 1_000, itemsPerUser: 1_000 })).toEqual(nobody);
      expect(await similar({ users: 0 })).toEqual(nobody);
      expect(await similar({ itemsPerUser: 0 })).toMatchObject({ userIds: ['bob', 'cid'], offsets: [0, 0, 0] });
    });

    it.each<Refusal<GetSimilarUsersItemsRequest>>([
      ...badUsers,
      ['1,001 users', { users: 1_001 }, 'users', 'is 1001, 0 to 1000'],
      ['1,001 items of each', { itemsPerUser: 1_001 }, 'items_per_user', 'is 1001, 0 to 1000'],
    ])('INVALID_ARGUMENT: %s', async (_name, request, field, message) => {
      await expectInvalid(similar(request), field, message);
    });
  },
);

bothWays(
  'GetUsersItems',
  () => [service.open()],
  (caller) => {
    const itemsOf = async (request: Partial<GetUsersItemsRequest>) => {
      const answer = await caller.call(getUsersItems, rowsRequest(request));
      return { ...answer, itemHashes: hex(answer.itemHashes) };
    };

    it('gives the newest items of users in the order of their rows, and leaves out rows that are not there', async () => {
      expect(await itemsOf({ userRows: [2, 77, 1, 0xffffffff, 0] })).toEqual({
        releaseId,
        userIds: ['cid', 'bob', 'ann'],
        userRows: [2, 1, 0],
        offsets: [0, 0, 2, 3],
        itemHashes: hashBytes('x', 'y', 'x'),
        timesMs: [24, 16, 8],
      });
      expect(await itemsOf({ itemsPerUser: 1 })).toMatchObject({ offsets: [0, 1], timesMs: [24] });
    });

    it('takes no row, and every limit', async () => {
      const nobody = { releaseId, userIds: [], userRows: [], offsets: [0], itemHashes: '', timesMs: [] };
      expect(await itemsOf({ userRows: [] })).toEqual(nobody);
      expect(await itemsOf({ userRows: [77] })).toEqual(nobody);
      expect(await itemsOf({ itemsPerUser: 0 })).toMatchObject({ userIds: ['bob'], offsets: [0, 0] });
      const most = await itemsOf({ userRows: Array<number>(1_000).fill(1), itemsPerUser: 1_000 });
      expect([most.userIds.length, most.timesMs.length]).toEqual([1_000, 2_000]);
    });

    it.each<Refusal<GetUsersItemsRequest>>([
      ['1,001 rows', { userRows: Array<number>(1_001).fill(0) }, 'user_rows', 'has 1,001 entries, 0 to 1,000'],
      ['1,001 items of each', { itemsPerUser: 1_001 }, 'items_per_user', 'is 1001, 0 to 1000'],
    ])('INVALID_ARGUMENT: %s', async (_name, request, field, message) => {
      await expectInvalid(itemsOf(request), field, message);
    });
  },
);

bothWays(
  'GetSimilarItems',
  () => [service.open()],
  (caller) => {
    const similar = async (request: Partial<GetSimilarItemsRequest>) =>
      (await caller.call(getSimilarItems, itemsRequest(request))).lists!;

    it('gives a list for each row, best first, empty where there is none', async () => {
      expect(await similar({ itemRows: [2, 1, 0, 77] })).toEqual({
        offsets: [0, 1, 1, 3, 3],
        rows: [0, 2, 1],
        scores: [0.5, 0.5, 0.25],
      });
      expect(await similar({ limit: 1 })).toEqual({ offsets: [0, 1], rows: [2], scores: [0.5] });
    });

    it('takes no row, and every limit', async () => {
      expect(await similar({ itemRows: [] })).toEqual({ offsets: [0], rows: [], scores: [] });
      const lists = await similar({ itemRows: Array<number>(512).fill(0), limit: 1_000 });
      expect([lists.offsets.length, lists.rows.length]).toEqual([513, 1_024]);
    });

    it.each<Refusal<GetSimilarItemsRequest>>([
      ['513 rows', { itemRows: Array<number>(513).fill(0) }, 'item_rows', 'has 513 entries, 0 to 512'],
      ['a limit of 0', { limit: 0 }, 'limit', 'is 0, 1 to 1000'],
      ['a limit of 1,001', { limit: 1_001 }, 'limit', 'is 1001, 1 to 1000'],
    ])('INVALID_ARGUMENT: %s', async (_name, request, field, message) => {
      await expectInvalid(similar(request), field, message);
    });
  },
);

bothWays(
  'AppendEvents of the store',
  () => [service.open()],
  (caller) => {
    type Events = NonNullable<Parameters<typeof AppendEventsRequest.fromPartial>[0]['events']>;
    const append = (events: Events) => caller.call(appendEvents, AppendEventsRequest.fromPartial({ events }));
    const good = { userId: 'u', itemId: 'i', timeMs: 1 };

    it('accepts an event once, and counts what is there or too old', async () => {
      const userId = `new-${Math.random()}`;
      const events = [1, 2, 3, 4].map((timeMs) => ({ userId, itemId: 'i', timeMs }));
      expect(await append(events)).toEqual({ accepted: HISTORY_CAP, duplicates: 0, tooOld: 1 });
      expect(await append(events)).toEqual({ accepted: 0, duplicates: HISTORY_CAP, tooOld: 1 });
      const { history } = await caller.call(getUserContext, contextRequest({ userId }));
      expect([history!.timesMs, history!.weights]).toEqual([
        [4, 3, 2],
        [1, 1, 1],
      ]);
    });

    it('takes 1,000 events', async () => {
      const events = Array.from({ length: 1_000 }, (_, i) => ({ ...good, userId: `many-${i}-${Math.random()}` }));
      expect(await append(events)).toMatchObject({ accepted: 1_000 });
    });

    it.each<[string, Events, string, string]>([
      ['no event', [], 'events', 'has 0 entries, 1 to 1,000'],
      ['1,001 events', Array<typeof good>(1_001).fill(good), 'events', 'has 1,001 entries'],
      ['one bad event', [good, { ...good, timeMs: 0 }], 'events[1].time_ms', 'is 0'],
      ['a long user', [{ ...good, userId: `${wide}a` }], 'events[0].user_id', '257 bytes'],
      ['a bad weight', [{ ...good, weight: -1 }], 'events[0].weight', 'is -1'],
    ])('INVALID_ARGUMENT: %s', async (_name, events, field, message) => {
      await expectInvalid(append(events), field, message);
    });
  },
);

bothWays(
  'UpsertItems and RemoveItems of the store',
  () => [service.open()],
  (caller) => {
    type Items = NonNullable<Parameters<typeof UpsertItemsRequest.fromPartial>[0]['items']>;
    const upsert = async (items: Items) =>
      (await caller.call(upsertItems, UpsertItemsRequest.fromPartial({ items }))).revision;
    const remove = async (itemIds: string[]) =>
      (await caller.call(removeItems, RemoveItemsRequest.fromPartial({ itemIds }))).revision;
    const film = { itemId: 'film', fields: { genre: { texts: { values: ['a', 'ü'] } }, year: { number: 1.5 }, t: { text: '' } } }; // prettier-ignore
    const changesSince = async (mark: LiveItemsMark) => (await store.liveItems(mark)).items;
    let before: LiveItemsMark;
    beforeEach(async () => {
      await store.forgetLiveItems((await store.liveItems(null)).items);
      before = await store.liveItems(null);
    });

    it('store items with their fields, and hide them', async () => {
      const { revision } = before;
      expect(await upsert([film, { itemId: wide }])).toBe(revision + 2);
      expect(await changesSince(before)).toEqual([
        { itemId: 'film', fields: { genre: ['a', 'ü'], year: 1.5, t: '' } },
        { itemId: wide, fields: {} },
      ]);
      expect(await remove(['other', 'film'])).toBe(revision + 4);
      expect(await changesSince({ ...before, revision: revision + 2 })).toEqual([
        { itemId: 'other', fields: null },
        { itemId: 'film', fields: null },
      ]);
      expect(await upsert([film])).toBe(revision + 5);
    });

    it('change nothing the second time', async () => {
      await upsert([film]);
      const once = await remove(['other']);
      expect([await upsert([film]), await remove(['other'])]).toEqual([once, once]);
    });

    it('take 1,000 items, and no more than the store has room for', async () => {
      const ids = Array.from({ length: 3_000 }, (_, i) => `i${i}`);
      await upsert(ids.slice(0, 1_000).map((itemId) => ({ itemId })));
      const full = await remove(ids.slice(1_000, 2_000));
      const error = await rejection(upsert(ids.slice(2_000).map((itemId) => ({ itemId }))));
      expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', subject: 'items', remedy: /publish a release/ });
      expect(error.message).toContain('3,000 live items, 2,500 are allowed');
      expect(await store.liveItems({ ...before, revision: full })).toMatchObject({ revision: full, items: [] });
    });

    it.each<[string, Items, string, string]>([
      ['no item', [], 'items', 'has 0 entries, 1 to 1,000'],
      ['1,001 items', Array<typeof film>(1_001).fill(film), 'items', 'has 1,001 entries'],
      ['an item twice', [film, film], 'items[1].item_id', 'items[0].item_id already'],
      ['a bad field', [{ itemId: 'good' }, { itemId: 'i', fields: { year: { number: NaN } } }], 'items[1].fields["year"]', 'is NaN'], // prettier-ignore
      ['a field without a value', [{ itemId: 'i', fields: { year: {} } }], 'items[0].fields["year"]', 'has no value'],
      ['a long id', [{ itemId: `${wide}a` }], 'items[0].item_id', '257 bytes'],
    ])('INVALID_ARGUMENT: %s', async (_name, items, field, message) => {
      await expectInvalid(upsert(items), field, message);
      expect(await changesSince(before)).toEqual([]);
    });

    it.each<[string, string[], string, string]>([
      ['no id', [], 'item_ids', 'has 0 entries, 1 to 1,000'],
      ['an id twice', ['a', 'b', 'a'], 'item_ids[2]', 'item_ids[0] already'],
      ['an empty id', ['a', ''], 'item_ids[1]', 'is empty'],
    ])('INVALID_ARGUMENT: %s', async (_name, itemIds, field, message) => {
      await expectInvalid(remove(itemIds), field, message);
      expect(await changesSince(before)).toEqual([]);
    });
  },
);

const writes: [string, (caller: Caller) => Promise<unknown>][] = [
  [
    'AppendEvents',
    (caller) => {
      const events = [{ userId: 'u', itemId: 'i', timeMs: 1 }];
      return caller.call(appendEvents, AppendEventsRequest.fromPartial({ events }), { deadlineMs: 100 });
    },
  ],
  [
    'UpsertItems',
    (caller) => {
      const items = [{ itemId: 'i' }];
      return caller.call(upsertItems, UpsertItemsRequest.fromPartial({ items }), { deadlineMs: 100 });
    },
  ],
  ['RemoveItems', (caller) => caller.call(removeItems, { itemIds: ['i'] }, { deadlineMs: 100 })],
];

describe.each(writes)('%s of the store', (_name, write) => {
  const failing: Partial<Record<string, () => Promise<never>>> = {
    UNAVAILABLE: () => Promise.reject(new MicError('UNAVAILABLE', 'the store does not answer')),
    RESOURCE_EXHAUSTED: () => Promise.reject(new MicError('RESOURCE_EXHAUSTED', 'the store is full')),
    INTERNAL: () => Promise.reject(new TypeError('secret')),
    DEADLINE_EXCEEDED: new HangingPort().call,
  };
  for (const [code, call] of Object.entries(failing)) {
    bothWays(
      code,
      () => [service.over(call!)],
      (caller) => {
        it('is what the caller gets', async () => {
          const error = await rejection(write(caller));
          expect(error.code).toBe(code);
          expect(error.message).not.toContain('secret');
        });
      },
    );
  }
});
