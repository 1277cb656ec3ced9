import { hashIds, HASH_WORDS, parseReleaseId, type Interaction } from '@mic/domain';
import type { PackedHistory, PublishedUser, Store } from '@mic/recall';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** A store to be tested, empty at the start. */
export interface StoreUnderTest {
  readonly store: Store;
  /** Closes the store and opens it again over the same data. */
  reopen(): Promise<Store>;
  /** Closes the store and removes its data. */
  dispose(): Promise<void>;
}

const R1 = parseReleaseId('r1');
const R2 = parseReleaseId('r2');
const [SHA_1, SHA_2] = ['1'.repeat(64), '2'.repeat(64)];
const options = () => ({ signal: new AbortController().signal, requestId: 'spec' });
const event = (userId: string, itemId: string, timeMs: number, weight = 1): Interaction => ({
  userId,
  itemId,
  timeMs,
  weight,
});

/** Item ids of a history, found among the ids given. */
function named({ itemHashes }: Pick<PackedHistory, 'itemHashes'>, ids: readonly string[]): string[] {
  const hashes = hashIds(ids);
  return Array.from({ length: itemHashes.length / HASH_WORDS }, (_, i) => {
    const at = i * HASH_WORDS;
    const found = ids.findIndex(
      (_id, j) => hashes[j * 2] === itemHashes[at] && hashes[j * 2 + 1] === itemHashes[at + 1],
    );
    return ids[found] ?? '?';
  });
}

const user = (row: number, userId: string, similar: [number, number][] = []): PublishedUser => ({
  row,
  userId,
  embedding: Float32Array.of(row, 0.5),
  profile: Int32Array.of(row, 7, 0),
  similarRows: Uint32Array.from(similar, ([other]) => other),
  similarities: Float32Array.from(similar, ([, similarity]) => similarity),
});

/** Two users and three items; item 1 has no similar items. */
async function publish(store: Store, releaseId = R1, sha = SHA_1): Promise<void> {
  await store.writeUsers(releaseId, [
    user(0, 'ann', [
      [1, 0.75],
      [2, 0.5],
    ]),
    user(1, 'bob', [[0, 0.75]]),
    user(2, 'cid'),
  ]);
  await store.writeSimilarItems(releaseId, 0, {
    offsets: Uint32Array.of(0, 2, 2),
    rows: Uint32Array.of(2, 1),
    scores: Float32Array.of(0.5, 0.25),
  });
  await store.writeSimilarItems(releaseId, 2, {
    offsets: Uint32Array.of(0, 1),
    rows: Uint32Array.of(0),
    scores: Float32Array.of(0.5),
  });
  await store.seal(releaseId, sha);
}

/**
 * What every backend of the Store port does. The store under test keeps at most `historyCap` (5) events per user.
 */
export function storeConformance(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`${name} conforms to the store port`, () => {
    let under: StoreUnderTest;
    let store: Store;
    beforeEach(async () => {
      under = await make();
      ({ store } = under);
    });
    afterEach(() => under.dispose());

    /** A user's history, through a release that knows nobody. */
    const history = async (userId: string, historyLimit = 100): Promise<PackedHistory> => {
      await store.seal(R2, SHA_2);
      return (await store.userContext({ releaseId: R2, userId, historyLimit }, options())).history;
    };

    describe('history', () => {
      it('is empty for a user without events', async () => {
        const empty = await history('nobody');
        expect([empty.itemHashes.length, empty.timesMs.length, empty.weights.length]).toEqual([0, 0, 0]);
      });

      it('places events by time, newest first, whatever the order of arrival', async () => {
        await store.appendEvents([event('u', 'b', 20, 2), event('u', 'd', 40, 4)]);
        await store.appendEvents([event('u', 'a', 10, 1), event('u', 'c', 30, 3)]);
        const found = await history('u');
        expect(named(found, ['a', 'b', 'c', 'd'])).toEqual(['d', 'c', 'b', 'a']);
        expect([...found.timesMs]).toEqual([40, 30, 20, 10]);
        expect([...found.weights]).toEqual([4, 3, 2, 1]);
      });

      it('puts the later arrival first where times are equal', async () => {
        await store.appendEvents([event('u', 'a', 10), event('u', 'b', 10)]);
        await store.appendEvents([event('u', 'c', 10)]);
        expect(named(await history('u'), ['a', 'b', 'c'])).toEqual(['c', 'b', 'a']);
      });

      it('counts an event once, however often it arrives', async () => {
        const twice = [event('u', 'a', 10), event('u', 'a', 10), event('u', 'a', 11)];
        expect(await store.appendEvents(twice)).toEqual({ accepted: 2, duplicates: 1, tooOld: 0 });
        expect(await store.appendEvents(twice)).toEqual({ accepted: 0, duplicates: 3, tooOld: 0 });
        expect([...(await history('u')).timesMs]).toEqual([11, 10]);
      });

      it('keeps the newest events and says which came too late', async () => {
        await store.appendEvents([1, 2, 3, 4, 5].map((time) => event('u', `i${time}`, time * 10)));
        expect(await store.appendEvents([event('u', 'late', 5), event('u', 'new', 60)])).toEqual({
          accepted: 1,
          duplicates: 0,
          tooOld: 1,
        });
        expect([...(await history('u')).timesMs]).toEqual([60, 50, 40, 30, 20]);
      });

      it('gives no more than asked for', async () => {
        await store.appendEvents([event('u', 'a', 10), event('u', 'b', 20), event('u', 'c', 30)]);
        expect(named(await history('u', 2), ['a', 'b', 'c'])).toEqual(['c', 'b']);
      });

      it('keeps users apart, odd ids too', async () => {
        const ids = ['u', 'u:1', 'u\u00001', 'ü', '日本', 'x'.repeat(256), '\uffff', ' ', '0'];
        await store.appendEvents(ids.map((id, i) => event(id, `item ${id}`, 10 + i)));
        for (const [i, id] of ids.entries()) {
          const found = await history(id);
          expect([...found.timesMs]).toEqual([10 + i]);
          expect(named(found, [`item ${id}`])).toEqual([`item ${id}`]);
        }
      });

      it('loses nothing when many append at once', async () => {
        await Promise.all(
          Array.from({ length: 40 }, (_, i) => store.appendEvents([event(`u${i % 10}`, `i${i}`, i + 1)])),
        );
        for (let i = 0; i < 10; i++) expect((await history(`u${i}`)).timesMs.length).toBe(4);
      });

      it('takes an empty batch', async () => {
        expect(await store.appendEvents([])).toEqual({ accepted: 0, duplicates: 0, tooOld: 0 });
      });

      it('outlives releases and a restart', async () => {
        await store.appendEvents([event('u', 'a', 10)]);
        store = await under.reopen();
        expect(named(await history('u'), ['a'])).toEqual(['a']);
      });

      it('is what a plain list would be, for any sequence of events', async () => {
        const some = fc.array(
          fc.record({ item: fc.integer({ min: 0, max: 3 }), time: fc.integer({ min: 1, max: 9 }) }),
        );
        let round = 0;
        await fc.assert(
          fc.asyncProperty(fc.array(some, { maxLength: 4 }), async (batches) => {
            const userId = `any${round++}`;
            let model: { item: number; time: number }[] = [];
            for (const batch of batches) {
              await store.appendEvents(batch.map(({ item, time }) => event(userId, `i${item}`, time)));
              for (const one of batch) {
                if (model.some(({ item, time }) => item === one.item && time === one.time)) continue;
                const place = model.filter(({ time }) => time > one.time).length;
                model = [...model.slice(0, place), one, ...model.slice(place)].slice(0, 5);
              }
            }
            const found = await history(userId);
            expect(named(found, ['i0', 'i1', 'i2', 'i3'])).toEqual(model.map(({ item }) => `i${item}`));
            expect([...found.timesMs]).toEqual(model.map(({ time }) => time));
          }),
          { numRuns: 40 },
        );
      });
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
        expect([...found.offsets]).toEqual([0, 2, 3]);
        expect(named(found, ['a', 'b', 'c'])).toEqual(['c', 'b', 'a']);
        expect([...found.timesMs]).toEqual([30, 20, 5]);
        const first = await store.similarUsersItems({ ...request, users: 1 }, options());
        expect(first.userIds).toEqual(['bob']);
        expect(first.similarities.length).toBe(1);
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
      });

      it('is not mixed with another one', async () => {
        await publish(store);
        await store.writeUsers(R2, [user(9, 'ann')]);
        await store.seal(R2, SHA_2);
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
          store.similarItems({ releaseId: R2, itemRows: Uint32Array.of(0), limit: 1 }, options()),
        ];
        for (const read of reads) {
          await expect(read).rejects.toMatchObject({
            code: 'FAILED_PRECONDITION',
            remedy: expect.stringContaining('r1'),
          });
        }
      });

      it('changes nothing when it is published again', async () => {
        await publish(store);
        await publish(store);
        expect(await store.releases()).toEqual([R1]);
      });

      it('keeps its id to itself', async () => {
        await publish(store);
        await expect(store.seal(R1, SHA_2)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
      });
    });

    describe('the pointer', () => {
      it('names nothing at first, then the release it was moved to', async () => {
        expect(await store.pointer()).toBeNull();
        await publish(store);
        const moved = await store.movePointer(R1);
        expect(moved).toMatchObject({ releaseId: R1, manifestSha256: SHA_1 });
        expect(await store.pointer()).toEqual(moved);
        expect(await store.movePointer(R1)).toEqual(moved);
      });

      it('moves to sealed releases only', async () => {
        await publish(store);
        await store.movePointer(R1);
        await store.writeUsers(R2, [user(0, 'ann')]);
        await expect(store.movePointer(R2)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
        expect(await store.pointer()).toMatchObject({ releaseId: R1 });
      });

      it('survives a restart, and the releases with it', async () => {
        await publish(store);
        await store.movePointer(R1);
        store = await under.reopen();
        expect(await store.pointer()).toMatchObject({ releaseId: R1, manifestSha256: SHA_1 });
        expect(await store.releases()).toEqual([R1]);
      });
    });

    describe('removal', () => {
      it('takes a release away and leaves the others and the history', async () => {
        await publish(store);
        await publish(store, R2, SHA_2);
        await store.movePointer(R2);
        await store.appendEvents([event('ann', 'a', 10)]);
        await store.removeRelease(R1);
        expect(await store.releases()).toEqual([R2]);
        const context = await store.userContext({ releaseId: R2, userId: 'ann', historyLimit: 1 }, options());
        expect([context.userKnown, context.history.timesMs.length]).toEqual([true, 1]);
        const gone = store.userContext({ releaseId: R1, userId: 'ann', historyLimit: 1 }, options());
        await expect(gone).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
      });

      it('spares the current release', async () => {
        await publish(store);
        await store.movePointer(R1);
        await expect(store.removeRelease(R1)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
        expect(await store.releases()).toEqual([R1]);
      });
    });

    it('does not read for a caller that has gone', async () => {
      await publish(store);
      const gone = { signal: AbortSignal.abort(), requestId: 'spec' };
      const read = store.userContext({ releaseId: R1, userId: 'ann', historyLimit: 1 }, gone);
      await expect(read).rejects.toMatchObject({ code: 'CANCELLED' });
    });
  });
}
