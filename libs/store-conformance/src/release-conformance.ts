import { NO_ROW, parseReleaseId } from '@mic/domain';
import type { LiveItem, Store } from '@mic/recall';
import { beforeEach, describe, expect, it } from 'vitest';
import type { StoreOfCase } from './store-under-test';
import {
  R1,
  R2,
  SHA_1,
  SHA_2,
  ODD_IDS,
  options,
  event,
  named,
  user,
  point,
  sealedIds,
  publish,
  sealRelease,
  summary,
} from './what-is-stored';

/** What every backend does with releases: what they hold, which one is served, who may change that. */
export function releaseConformance(under: StoreOfCase): void {
  let store: Store;
  beforeEach(() => {
    store = under.store();
  });

  describe('a release', () => {
    it('knows its users: embedding, profile, and live history', async () => {
      await publish(store);
      await store.appendEvents([event('bob', 'a', 10)]);
      const context = await store.userContext({ releaseId: R1, userId: 'bob', historyLimit: 10 }, options());
      expect(context.userKnown).toBe(true);
      expect([...context.userRow!]).toEqual([1, 0.5]);
      expect([...context.profile!]).toEqual([1, 7, 0]);
      expect(named(context.history, ['a'])).toEqual(['a']);
    });

    it('does not know others, though they have a history', async () => {
      await publish(store);
      await store.appendEvents([event('zoe', 'a', 10)]);
      const context = await store.userContext({ releaseId: R1, userId: 'zoe', historyLimit: 10 }, options());
      expect(context).toMatchObject({ userKnown: false, userRow: null, profile: null });
      expect(context.history.timesMs.length).toBe(1);
    });

    it('gives similar users, best first, with their most recent items', async () => {
      await publish(store);
      await store.appendEvents([
        event('bob', 'a', 10),
        event('bob', 'b', 20),
        event('bob', 'c', 30),
        event('cid', 'a', 5),
      ]);
      const request = { releaseId: R1, userId: 'ann', users: 5, itemsPerUser: 2 };
      const found = await store.similarUsersItems(request, options());
      expect(found.userIds).toEqual(['bob', 'cid']);
      expect([...found.similarities]).toEqual([0.75, 0.5]);
      expect([...found.userRows]).toEqual([1, 2]);
      expect([...found.offsets]).toEqual([0, 2, 3]);
      expect(named(found, ['a', 'b', 'c'])).toEqual(['c', 'b', 'a']);
      expect([...found.timesMs]).toEqual([30, 20, 5]);
      const first = await store.similarUsersItems({ ...request, users: 1 }, options());
      expect(first.userIds).toEqual(['bob']);
      expect([first.similarities.length, [...first.userRows]]).toEqual([1, [1]]);
      const noUsers = await store.similarUsersItems({ ...request, users: 0 }, options());
      expect([noUsers.userIds.length, [...noUsers.offsets]]).toEqual([0, [0]]);
      const noItems = await store.similarUsersItems({ ...request, itemsPerUser: 0 }, options());
      expect([noItems.userIds, [...noItems.offsets], noItems.timesMs.length]).toEqual([['bob', 'cid'], [0, 0, 0], 0]);
    });

    it('sees what its similar users do from now on', async () => {
      await publish(store);
      await point(store, R1);
      const request = { releaseId: R1, userId: 'ann', users: 1, itemsPerUser: 1 };
      for (const [itemId, timeMs] of [
        ['a', 10],
        ['b', 20],
      ] as const) {
        await store.appendEvents([event('bob', itemId, timeMs)]);
        expect(named(await store.similarUsersItems(request, options()), ['a', 'b'])).toEqual([itemId]);
      }
    });

    it('gives the most recent items of users by their rows, and leaves out rows that it does not have', async () => {
      await publish(store);
      await store.appendEvents([
        event('bob', 'a', 10),
        event('bob', 'b', 20),
        event('bob', 'c', 30),
        event('ann', 'b', 7),
      ]);
      const userRows = Uint32Array.of(2, 99, 1, NO_ROW, 0, 1);
      const found = await store.usersItems({ releaseId: R1, userRows, itemsPerUser: 2 }, options());
      expect(found.userIds).toEqual(['cid', 'bob', 'ann', 'bob']);
      expect([...found.userRows]).toEqual([2, 1, 0, 1]);
      expect([...found.offsets]).toEqual([0, 0, 2, 3, 5]);
      expect(named(found, ['a', 'b', 'c'])).toEqual(['c', 'b', 'b', 'c', 'b']);
      expect([...found.timesMs]).toEqual([30, 20, 7, 30, 20]);
      for (const rows of [[], [99, NO_ROW]]) {
        const request = { releaseId: R1, userRows: Uint32Array.from(rows), itemsPerUser: 2 };
        const none = await store.usersItems(request, options());
        expect([none.userIds, none.userRows.length, [...none.offsets], none.timesMs.length]).toEqual([[], 0, [0], 0]);
      }
      const noItems = await store.usersItems(
        { releaseId: R1, userRows: Uint32Array.of(1), itemsPerUser: 0 },
        options(),
      );
      expect([noItems.userIds, [...noItems.offsets], noItems.itemHashes.length]).toEqual([['bob'], [0, 0], 0]);
    });

    it('knows users of any id, and names them as they are', async () => {
      const everybody = ODD_IDS.map((userId, row) => user(row, userId, [[(row + 1) % ODD_IDS.length, 0.5]]));
      await store.writeUsers(R1, everybody);
      await sealRelease(store, summary(R1, SHA_1));
      for (const [row, userId] of ODD_IDS.entries()) {
        const context = await store.userContext({ releaseId: R1, userId, historyLimit: 1 }, options());
        expect(context.userRow![0]).toBe(row);
        const found = await store.similarUsersItems({ releaseId: R1, userId, users: 1, itemsPerUser: 1 }, options());
        expect(found.userIds).toEqual([ODD_IDS[(row + 1) % ODD_IDS.length]]);
      }
      const userRows = Uint32Array.from(ODD_IDS.keys());
      expect((await store.usersItems({ releaseId: R1, userRows, itemsPerUser: 1 }, options())).userIds).toEqual(
        ODD_IDS,
      );
    });

    it('takes users without embedding, profile and similar users', async () => {
      const bare = { ...user(0, 'ann'), embedding: new Float32Array(0), profile: new Int32Array(0) };
      await store.writeUsers(R1, [bare]);
      await sealRelease(store, summary(R1, SHA_1));
      const context = await store.userContext({ releaseId: R1, userId: 'ann', historyLimit: 1 }, options());
      expect([context.userKnown, context.userRow!.length, context.profile!.length]).toEqual([true, 0, 0]);
    });

    it('answers with data that later writes do not change', async () => {
      await publish(store);
      await store.appendEvents([event('ann', 'a', 10)]);
      const before = await store.userContext({ releaseId: R1, userId: 'ann', historyLimit: 10 }, options());
      const copy = structuredClone(before);
      await store.writeUsers(R1, [{ ...user(0, 'ann'), embedding: Float32Array.of(5, 6) }]);
      for (let time = 20; time < 80; time++) await store.appendEvents([event('ann', 'b', time)]);
      expect(before).toEqual(copy);
    });

    it('gives nothing for a user without similar users, or one it does not know', async () => {
      await publish(store);
      for (const userId of ['cid', 'zoe']) {
        const request = { releaseId: R1, userId, users: 5, itemsPerUser: 2 };
        const found = await store.similarUsersItems(request, options());
        expect([found.userIds.length, [...found.offsets], found.itemHashes.length]).toEqual([0, [0], 0]);
      }
    });

    it('gives a list of similar items for every row asked for, empty where there is none', async () => {
      await publish(store);
      const itemRows = Uint32Array.of(2, 1, 0, 99);
      const lists = await store.similarItems({ releaseId: R1, itemRows, limit: 10 }, options());
      expect([...lists.offsets]).toEqual([0, 1, 1, 3, 3]);
      expect([...lists.rows]).toEqual([0, 2, 1]);
      expect([...lists.scores]).toEqual([0.5, 0.5, 0.25]);
      const short = await store.similarItems({ releaseId: R1, itemRows, limit: 1 }, options());
      expect([...short.rows]).toEqual([0, 2]);
      const none = await store.similarItems({ releaseId: R1, itemRows: new Uint32Array(0), limit: 9 }, options());
      expect([[...none.offsets], none.rows.length]).toEqual([[0], 0]);
      const odd = Uint32Array.of(0, NO_ROW, 0);
      const twice = await store.similarItems({ releaseId: R1, itemRows: odd, limit: 1 }, options());
      expect([[...twice.offsets], [...twice.rows]]).toEqual([
        [0, 1, 1, 2],
        [2, 2],
      ]);
    });

    it('is not mixed with another one', async () => {
      await publish(store);
      await store.writeUsers(R2, [user(9, 'ann')]);
      await sealRelease(store, summary(R2, SHA_2));
      const of = async (releaseId: typeof R1) =>
        (await store.userContext({ releaseId, userId: 'ann', historyLimit: 1 }, options())).userRow![0];
      expect([await of(R1), await of(R2)]).toEqual([0, 9]);
      const lists = await store.similarItems({ releaseId: R2, itemRows: Uint32Array.of(0), limit: 9 }, options());
      expect(lists.rows.length).toBe(0);
    });

    it('is refused before it is sealed, naming what is there', async () => {
      await publish(store);
      await store.writeUsers(R2, [user(0, 'ann')]);
      const reads = [
        store.userContext({ releaseId: R2, userId: 'ann', historyLimit: 1 }, options()),
        store.similarUsersItems({ releaseId: R2, userId: 'ann', users: 1, itemsPerUser: 1 }, options()),
        store.usersItems({ releaseId: R2, userRows: Uint32Array.of(0), itemsPerUser: 1 }, options()),
        store.usersItems({ releaseId: R2, userRows: new Uint32Array(0), itemsPerUser: 1 }, options()),
        store.similarItems({ releaseId: R2, itemRows: Uint32Array.of(0), limit: 1 }, options()),
      ];
      for (const read of reads) {
        await expect(read).rejects.toMatchObject({
          code: 'FAILED_PRECONDITION',
          remedy: expect.stringContaining('r1'),
        });
      }
    });

    it('says so when the store has no release at all', async () => {
      const read = store.userContext({ releaseId: R1, userId: 'ann', historyLimit: 1 }, options());
      await expect(read).rejects.toMatchObject({
        code: 'FAILED_PRECONDITION',
        message: expect.stringContaining('r1'),
        remedy: expect.stringContaining('publish'),
      });
    });

    it('changes nothing when it is published again', async () => {
      await publish(store);
      await publish(store);
      expect(await sealedIds(store)).toEqual([R1]);
      const lists = await store.similarItems({ releaseId: R1, itemRows: Uint32Array.of(0), limit: 9 }, options());
      expect([...lists.rows]).toEqual([2, 1]);
    });

    it('stands in the list in the order of sealing', async () => {
      const ids = ['r9', 'r1', 'r5', 'r10'].map(parseReleaseId);
      for (const id of ids) await sealRelease(store, summary(id, SHA_1));
      await sealRelease(store, summary(ids[0]!, SHA_1));
      expect(await sealedIds(store)).toEqual(ids);
    });

    it('is listed with what its manifest says', async () => {
      await publish(store);
      expect(await store.releases()).toEqual([summary(R1, SHA_1)]);
    });

    it('answers readers of the same content only', async () => {
      await publish(store);
      const read = (manifestSha256: string) => [
        store.userContext({ releaseId: R1, manifestSha256, userId: 'ann', historyLimit: 1 }, options()),
        store.similarUsersItems({ releaseId: R1, manifestSha256, userId: 'ann', users: 1, itemsPerUser: 1 }, options()),
        store.usersItems({ releaseId: R1, manifestSha256, userRows: Uint32Array.of(0), itemsPerUser: 1 }, options()),
        store.similarItems({ releaseId: R1, manifestSha256, itemRows: Uint32Array.of(0), limit: 1 }, options()),
      ];
      await Promise.all(read(SHA_1));
      for (const refused of read(SHA_2)) {
        await expect(refused).rejects.toMatchObject({
          code: 'FAILED_PRECONDITION',
          message: expect.stringContaining('other content'),
        });
      }
    });

    it('keeps its id to itself', async () => {
      await publish(store);
      await expect(sealRelease(store, summary(R1, SHA_2))).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
    });
  });

  describe('the pointer', () => {
    it('names nothing at first, then the release it was moved to', async () => {
      expect(await store.pointer()).toBeNull();
      await publish(store);
      const moved = await point(store, R1);
      expect(moved).toMatchObject({ releaseId: R1, manifestSha256: SHA_1 });
      expect(await store.pointer()).toEqual(moved);
      expect(await point(store, R1)).toEqual(moved);
    });

    it('moves back and forth', async () => {
      await publish(store);
      await publish(store, R2, SHA_2);
      for (const [id, sha] of [
        [R1, SHA_1],
        [R2, SHA_2],
        [R1, SHA_1],
      ] as const) {
        await point(store, id);
        expect(await store.pointer()).toMatchObject({ releaseId: id, manifestSha256: sha });
      }
    });

    it('is one of the two whatever moves it at once', async () => {
      await publish(store);
      await publish(store, R2, SHA_2);
      await Promise.all([R1, R2, R1, R2].map((id) => point(store, id)));
      const { releaseId, manifestSha256 } = (await store.pointer())!;
      expect(manifestSha256).toBe(releaseId === R1 ? SHA_1 : SHA_2);
    });

    it('moves to sealed releases only', async () => {
      await publish(store);
      await point(store, R1);
      await store.writeUsers(R2, [user(0, 'ann')]);
      await expect(point(store, R2)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
      expect(await store.pointer()).toMatchObject({ releaseId: R1 });
    });

    it('survives a restart, and the releases with it', async () => {
      await publish(store);
      await point(store, R1);
      store = await under.reopen();
      expect(await store.pointer()).toMatchObject({ releaseId: R1, manifestSha256: SHA_1 });
      expect(await sealedIds(store)).toEqual([R1]);
    });
  });

  describe('the lease', () => {
    it('is one holder’s until it is given back', async () => {
      expect(await store.lease('a', 60_000)).toEqual({ holder: 'a', leftMs: 60_000 });
      const refused = await store.lease('b', 60_000);
      expect(refused.holder).toBe('a');
      expect(refused.leftMs).toBeGreaterThan(50_000);
      await store.endLease('b');
      expect((await store.lease('b', 60_000)).holder).toBe('a');
      expect(await store.lease('a', 90_000)).toEqual({ holder: 'a', leftMs: 90_000 });
      await store.endLease('a');
      expect((await store.lease('b', 60_000)).holder).toBe('b');
    });

    it('runs out, and can be taken', async () => {
      await store.lease('a', 30);
      await new Promise((resolve) => setTimeout(resolve, 60));
      expect((await store.lease('b', 60_000)).holder).toBe('b');
      expect((await store.lease('c', 60_000, { force: true })).holder).toBe('c');
      expect((await store.lease('b', 60_000)).holder).toBe('c');
    });

    it('is renewed by its holder alone', async () => {
      await store.lease('a', 300);
      expect(await store.renewLease('b', 60_000)).toBe('a');
      expect(await store.renewLease('a', 60_000)).toBe('a');
      await new Promise((resolve) => setTimeout(resolve, 350));
      expect((await store.lease('b', 60_000)).holder).toBe('a');
      // Taken from it, and given back: it is nobody's, and not the first one's again.
      await store.lease('b', 60_000, { force: true });
      await store.endLease('b');
      expect(await store.renewLease('a', 60_000)).toBeNull();
      expect((await store.lease('c', 30)).holder).toBe('c');
      await new Promise((resolve) => setTimeout(resolve, 60));
      expect(await store.renewLease('c', 60_000)).toBeNull();
    });

    it('is needed to move the pointer', async () => {
      await publish(store);
      await expect(store.movePointer(R1, 'a')).rejects.toMatchObject({ code: 'ABORTED' });
      await store.lease('a', 60_000);
      await store.lease('b', 60_000, { force: true });
      await expect(store.movePointer(R1, 'a')).rejects.toMatchObject({ code: 'ABORTED' });
      expect(await store.pointer()).toBeNull();
      expect((await store.movePointer(R1, 'b')).releaseId).toBe(R1);
    });
  });

  describe('a release that is begun', () => {
    it('is sealed by the holder of the lease alone', async () => {
      await store.begin(R1);
      const refused = { code: 'ABORTED', message: expect.stringContaining('lease') };
      await expect(store.seal(summary(R1, SHA_1), 'a')).rejects.toMatchObject(refused);
      await store.lease('a', 60_000);
      await store.lease('b', 60_000, { force: true });
      await expect(store.seal(summary(R1, SHA_1), 'a')).rejects.toMatchObject(refused);
      expect([await sealedIds(store), await store.unfinished()]).toEqual([[], [R1]]);
      await store.seal(summary(R1, SHA_1), 'b');
      expect([await sealedIds(store), await store.unfinished()]).toEqual([[R1], []]);
      await expect(store.seal(summary(R1, SHA_1), 'a')).rejects.toMatchObject(refused);
    });

    it('is unfinished until it is sealed or removed', async () => {
      expect(await store.begin(R1)).toBe(true);
      expect([await store.begin(R1), await store.unfinished()]).toEqual([false, [R1]]);
      await publish(store);
      expect([await store.begin(R1), await store.unfinished()]).toEqual([false, []]);
      await store.begin(R2);
      await store.removeRelease(R2);
      expect(await store.unfinished()).toEqual([]);
    });

    it('says which of its records are there', async () => {
      const [ann, bob] = [user(0, 'ann'), user(1, 'bob')];
      await store.writeUsers(R1, [ann]);
      expect([await store.hasUsers(R1, [ann]), await store.hasUsers(R1, [ann, bob])]).toEqual([true, false]);
      expect(await store.hasUsers(R2, [ann])).toBe(false);
      expect(await store.hasUsers(R1, [])).toBe(true);
      const lists = { offsets: Uint32Array.of(0, 0, 1), rows: Uint32Array.of(0), scores: Float32Array.of(1) };
      await store.writeSimilarItems(R1, 3, lists);
      const has = (from: number, count: number) => store.hasSimilarItems(R1, from, count);
      expect([await has(3, 2), await has(3, 3), await has(2, 1)]).toEqual([true, false, false]);
    });
  });

  it('tells its memory, and what a release will take of it', async () => {
    const { usedBytes } = await store.memory();
    expect(usedBytes).toBeGreaterThan(0);
    const shape = { users: 10, userIdBytes: 50, items: 5, idDimension: 8, profileWidth: 2, similarUsers: 30, similarItems: 20 }; // prettier-ignore
    const bytes = store.predictBytes(shape);
    expect(bytes).toBeGreaterThan(10 * 8 * 4);
    expect(store.predictBytes({ ...shape, users: 20, userIdBytes: 100, similarUsers: 60 })).toBeGreaterThan(bytes);
    expect(store.predictBytes({ ...shape, users: 0, userIdBytes: 0, similarUsers: 0 })).toBeLessThan(bytes);
  });

  it('keeps live items over releases that come and go', async () => {
    const items: LiveItem[] = [
      { itemId: 'a', fields: { genre: ['x'] } },
      { itemId: 'b', fields: {} },
    ];
    await store.writeLiveItems(items);
    await publish(store);
    await point(store, R1);
    await publish(store, R2, SHA_2);
    await point(store, R2);
    await store.removeRelease(R1);
    expect(await store.liveItems(null)).toMatchObject({ revision: 2, items });
    expect([await sealedIds(store), await store.unfinished()]).toEqual([[R2], []]);
  });

  describe('removal', () => {
    it('takes a release away and leaves the others and the history', async () => {
      await publish(store);
      await publish(store, R2, SHA_2);
      await point(store, R2);
      await store.appendEvents([event('ann', 'a', 10)]);
      await store.removeRelease(R1);
      expect(await sealedIds(store)).toEqual([R2]);
      const context = await store.userContext({ releaseId: R2, userId: 'ann', historyLimit: 1 }, options());
      expect([context.userKnown, context.history.timesMs.length]).toEqual([true, 1]);
      const gone = store.userContext({ releaseId: R1, userId: 'ann', historyLimit: 1 }, options());
      await expect(gone).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    });

    it('takes nothing of a release whose id begins alike', async () => {
      const longer = parseReleaseId('r1-b');
      await publish(store);
      await publish(store, longer, SHA_2);
      await store.removeRelease(R1);
      const context = await store.userContext({ releaseId: longer, userId: 'ann', historyLimit: 1 }, options());
      expect(context.userKnown).toBe(true);
      const lists = await store.similarItems({ releaseId: longer, itemRows: Uint32Array.of(0), limit: 9 }, options());
      expect(lists.rows.length).toBe(2);
    });

    it('leaves nothing of a release, sealed or not', async () => {
      await publish(store);
      await store.writeUsers(R2, [user(0, 'ann', [[0, 0.5]])]);
      for (const id of [R1, R2]) {
        await store.removeRelease(id);
        await store.removeRelease(id);
        await sealRelease(store, summary(id, SHA_2));
        const context = await store.userContext({ releaseId: id, userId: 'ann', historyLimit: 1 }, options());
        expect(context.userKnown).toBe(false);
        const lists = await store.similarItems({ releaseId: id, itemRows: Uint32Array.of(0), limit: 9 }, options());
        expect(lists.rows.length).toBe(0);
      }
    });

    it('takes away more records than fit into one portion', async () => {
      await store.writeUsers(
        R1,
        Array.from({ length: 1_500 }, (_, row) => user(row, `u${row}`)),
      );
      await sealRelease(store, summary(R1, SHA_1));
      await store.removeRelease(R1);
      await sealRelease(store, summary(R1, SHA_2));
      for (const userId of ['u0', 'u999', 'u1499']) {
        const context = await store.userContext({ releaseId: R1, userId, historyLimit: 1 }, options());
        expect(context.userKnown).toBe(false);
      }
    });

    it('spares the current release', async () => {
      await publish(store);
      await point(store, R1);
      await expect(store.removeRelease(R1)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
      expect(await sealedIds(store)).toEqual([R1]);
    });
  });

  it('does not read for a caller that has gone', async () => {
    await publish(store);
    const gone = { signal: AbortSignal.abort(), requestId: 'spec' };
    const reads = [
      store.userContext({ releaseId: R1, userId: 'ann', historyLimit: 1 }, gone),
      store.similarUsersItems({ releaseId: R1, userId: 'ann', users: 1, itemsPerUser: 1 }, gone),
      store.usersItems({ releaseId: R1, userRows: Uint32Array.of(0), itemsPerUser: 1 }, gone),
      store.similarItems({ releaseId: R1, itemRows: Uint32Array.of(0), limit: 1 }, gone),
    ];
    for (const read of reads) await expect(read).rejects.toMatchObject({ code: 'CANCELLED' });
  });
}
