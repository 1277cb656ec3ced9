import { hashIds, HASH_WORDS, NO_ROW, parseReleaseId, type Interaction, type ReleaseId } from '@mic/domain';
import type {
  LiveItem,
  PackedHistories,
  PackedHistory,
  PublishedUser,
  ReleasePointer,
  ReleaseSummary,
  Store,
} from '@mic/recall';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { liveItemsConformance } from './live-items-conformance';

/** How long the store under test keeps events, and how many live items it takes. */
export interface StoreRules {
  readonly historyTtlMs?: number;
  /** The time, milliseconds since the epoch. */
  readonly nowMs?: () => number;
  readonly liveItemsCap?: number;
}

/** A store to be tested, empty at the start. */
export interface StoreUnderTest {
  readonly store: Store;
  /** Closes the store and opens it again over the same data. */
  reopen(rules?: StoreRules): Promise<Store>;
  /** Closes the store and removes its data. */
  dispose(): Promise<void>;
}

const R1 = parseReleaseId('r1');
const R2 = parseReleaseId('r2');
/** What a manifest of that content would say. */
const summary = (releaseId: ReleaseId, manifestSha256: string): ReleaseSummary => ({
  releaseId,
  manifestSha256,
  parentId: null,
  createdAt: '2024-01-02T03:04:05.000Z',
  encoder: 'pooled',
  dimension: 2,
  featureSchemaSha256: '0'.repeat(64),
  users: 3,
  items: 3,
});
const [SHA_1, SHA_2] = ['1'.repeat(64), '2'.repeat(64)];
/** Ids that break naive keys: separators, control characters, prefixes of each other, 256 bytes. */
const ODD_IDS = [
  'u',
  'u:1',
  'u/1',
  'u\u00001',
  'u\u0000',
  '\u0000',
  '\u0001',
  '\u001b',
  'U',
  ' ',
  '0',
  '00',
  '-1',
  'null',
]
  .concat(['__proto__', 'ü', 'u\u0308', '日本', '🙂'.repeat(64), '\uffff', 'x'.repeat(255), 'x'.repeat(256)])
  .concat(['\u0000'.repeat(256), '{u}', '*', '?', '\r\n', '\u2028']);

/** U+FFFD is what stands for bytes that are not UTF-8: no id has it. */
const idOfAnyCharacters = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 64 })
  .filter((id) => !id.includes('\ufffd'));

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

/** Histories as an import brings them, from the events of each user, newest first. */
function packed(users: readonly (readonly [userId: string, events: readonly Interaction[]])[]): PackedHistories {
  const events = users.flatMap(([, own]) => own);
  const offsets = Uint32Array.of(0, ...users.map(([, own]) => own.length));
  users.forEach((_, i) => (offsets[i + 1]! += offsets[i]!));
  return {
    userIds: users.map(([userId]) => userId),
    offsets,
    itemHashes: hashIds(events.map(({ itemId }) => itemId)),
    timesMs: Float64Array.from(events, ({ timeMs }) => timeMs),
    weights: Float32Array.from(events, ({ weight }) => weight),
  };
}

const user = (row: number, userId: string, similar: [number, number][] = []): PublishedUser => ({
  row,
  userId,
  embedding: Float32Array.of(row, 0.5),
  profile: Int32Array.of(row, 7, 0),
  similarRows: Uint32Array.from(similar, ([other]) => other),
  similarities: Float32Array.from(similar, ([, similarity]) => similarity),
});

/** Moves the pointer as a publisher does: under the lease. */
async function point(store: Store, releaseId: ReleaseId): Promise<ReleasePointer> {
  await store.lease('spec', 60_000, { force: true });
  return store.movePointer(releaseId, 'spec');
}

const sealedIds = async (store: Store) => (await store.releases()).map(({ releaseId }) => releaseId);

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
  await store.seal(summary(releaseId, sha));
}

/**
 * What every backend of the Store port does. The store under test keeps at most `historyCap` (5) events per user.
 */
export function storeConformance(name: string, make: (rules?: StoreRules) => Promise<StoreUnderTest>): void {
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
      await store.seal(summary(R2, SHA_2));
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

      it('counts as accepted what is there at the end, whatever the order within a call', async () => {
        const times = [10, 20, 30, 40, 50, 60, 70, 80];
        const append = (userId: string, order: number[]) =>
          store.appendEvents(order.map((time) => event(userId, `i${time}`, time)));
        const counted = { accepted: 5, duplicates: 0, tooOld: 3 };
        expect(await append('up', times)).toEqual(counted);
        expect(await append('down', [...times].reverse())).toEqual(counted);
        for (const userId of ['up', 'down']) expect([...(await history(userId)).timesMs]).toEqual([80, 70, 60, 50, 40]);
      });

      it('keeps the first weight of an event', async () => {
        await store.appendEvents([event('u', 'a', 10, 0.25)]);
        await store.appendEvents([event('u', 'a', 10, 9)]);
        expect([...(await history('u')).weights]).toEqual([0.25]);
      });

      it('gives no more than asked for', async () => {
        await store.appendEvents([event('u', 'a', 10), event('u', 'b', 20), event('u', 'c', 30)]);
        expect(named(await history('u', 2), ['a', 'b', 'c'])).toEqual(['c', 'b']);
        const none = await history('u', 0);
        expect([none.itemHashes.length, none.timesMs.length, none.weights.length]).toEqual([0, 0, 0]);
      });

      it('takes one batch for many users', async () => {
        const batch = Array.from({ length: 600 }, (_, i) => event(`u${i % 300}`, `i${i}`, 1 + i));
        expect(await store.appendEvents(batch)).toEqual({ accepted: 600, duplicates: 0, tooOld: 0 });
        expect([...(await history('u0')).timesMs]).toEqual([301, 1]);
        expect([...(await history('u299')).timesMs]).toEqual([600, 300]);
      });

      it('keeps users apart, odd ids too', async () => {
        for (const [i, id] of ODD_IDS.entries()) await store.appendEvents([event(id, `item ${i}`, 10 + i)]);
        for (const [i, id] of ODD_IDS.entries()) {
          const found = await history(id);
          expect([...found.timesMs]).toEqual([10 + i]);
          expect(named(found, [`item ${i}`])).toEqual([`item ${i}`]);
        }
      });

      it('keeps any two ids apart', async () => {
        let timeMs = 1;
        const ids = fc.uniqueArray(idOfAnyCharacters, { maxLength: 8 });
        await fc.assert(
          fc.asyncProperty(ids, async (userIds) => {
            const first = timeMs;
            await store.appendEvents(userIds.map((userId) => event(userId, 'a', timeMs++)));
            for (const [i, userId] of userIds.entries()) expect((await history(userId, 1)).timesMs[0]).toBe(first + i);
          }),
          { numRuns: 40 },
        );
      });

      it('loses nothing when many append at once', async () => {
        await Promise.all(
          Array.from({ length: 40 }, (_, i) => store.appendEvents([event(`u${i % 10}`, `i${i}`, i + 1)])),
        );
        for (let i = 0; i < 10; i++) expect((await history(`u${i}`)).timesMs.length).toBe(4);
      });

      it('keeps the newest when many append to one user at once', async () => {
        const times = Array.from({ length: 40 }, (_, i) => 1 + ((i * 7) % 40));
        const results = await Promise.all(times.map((time) => store.appendEvents([event('u', `i${time}`, time)])));
        expect(results.reduce((sum, { accepted, tooOld }) => sum + accepted + tooOld, 0)).toBe(40);
        expect([...(await history('u')).timesMs]).toEqual([40, 39, 38, 37, 36]);
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
              const before = model;
              const events = batch.map(({ item, time }) => event(userId, `i${item}`, time));
              const { accepted, duplicates, tooOld } = await store.appendEvents(events);
              for (const one of batch) {
                if (model.some(({ item, time }) => item === one.item && time === one.time)) continue;
                if (model.length === 5 && one.time <= model[4]!.time) continue;
                const place = model.filter(({ time }) => time > one.time).length;
                model = [...model.slice(0, place), one, ...model.slice(place)].slice(0, 5);
              }
              expect(accepted).toBe(model.filter((one) => !before.includes(one)).length);
              expect(accepted + duplicates + tooOld).toBe(batch.length);
            }
            const found = await history(userId);
            expect(named(found, ['i0', 'i1', 'i2', 'i3'])).toEqual(model.map(({ item }) => `i${item}`));
            expect([...found.timesMs]).toEqual(model.map(({ time }) => time));
          }),
          { numRuns: 40 },
        );
      });
    });

    describe('history under delivery of at least once', () => {
      const drawn = fc.record({ item: fc.integer({ min: 0, max: 2 }), time: fc.integer({ min: 1, max: 6 }) });
      const batches = fc.array(fc.array(drawn, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 });

      it('has the content of exactly once, whatever comes again and when', async () => {
        let round = 0;
        const again = fc.array(fc.nat(), { maxLength: 8 });
        await fc.assert(
          fc.asyncProperty(batches, again, async (sent, repeats) => {
            const [once, often] = [`once${round}`, `often${round++}`];
            const eventsOf = (userId: string, batch: number) =>
              sent[batch]!.map(({ item, time }) => event(userId, `i${item}`, time, 1 + batch));
            for (const batch of sent.keys()) {
              await store.appendEvents(eventsOf(once, batch));
              await store.appendEvents(eventsOf(often, batch));
              for (const repeat of repeats) await store.appendEvents(eventsOf(often, repeat % (batch + 1)));
            }
            expect(await history(often)).toEqual(await history(once));
          }),
          { numRuns: 40 },
        );
      });
    });

    describe('history of a limited age', () => {
      const TTL_MS = 1_000;
      /** Far from now, so that a backend with a clock of its own takes nothing away by itself. */
      const START_MS = Date.UTC(2100, 0, 1);
      let timeMs = START_MS;
      const rules: StoreRules = { historyTtlMs: TTL_MS, nowMs: () => timeMs };
      beforeEach(async () => {
        timeMs = START_MS;
        store = await under.reopen(rules);
      });
      const ages = async (userId: string) => [...(await history(userId)).timesMs].map((time) => START_MS - time);
      const aged = (userId: string, age: number) => event(userId, `i${age}`, START_MS - age);

      it('returns an event until the millisecond at which it is too old, by its own time', async () => {
        const events = [aged('u', 0), aged('u', 1_000), aged('u', 1_001), aged('u', -5_000)];
        expect(await store.appendEvents(events)).toEqual({ accepted: 3, duplicates: 0, tooOld: 1 });
        expect(await ages('u')).toEqual([-5_000, 0, 1_000]);
        timeMs += 1;
        expect(await ages('u')).toEqual([-5_000, 0]);
        timeMs += 999;
        expect(await ages('u')).toEqual([-5_000, 0]);
        timeMs += 1;
        expect(await ages('u')).toEqual([-5_000]);
      });

      it('takes no event again that was too old, or has become it', async () => {
        await store.appendEvents([aged('u', 900), aged('u', 1_100)]);
        timeMs += 200;
        const again = [aged('u', 900), aged('u', 1_100)];
        expect(await store.appendEvents(again)).toEqual({ accepted: 0, duplicates: 0, tooOld: 2 });
        expect(await ages('u')).toEqual([]);
        expect(await store.appendEvents([aged('u', -100)])).toEqual({ accepted: 1, duplicates: 0, tooOld: 0 });
        store = await under.reopen();
        expect(await ages('u')).toEqual([-100]);
      });

      it('takes no event again that a full history had no place for', async () => {
        await store.appendEvents([100, 200, 300, 400, 500].map((age) => aged('u', age)));
        expect(await store.appendEvents([aged('u', 600)])).toMatchObject({ tooOld: 1 });
        for (const later of [500, 600, 700, 900]) {
          timeMs = START_MS + later;
          expect(await store.appendEvents([aged('u', 600)])).toEqual({ accepted: 0, duplicates: 0, tooOld: 1 });
        }
      });

      it('hides what similar users did too long ago', async () => {
        await publish(store);
        await store.appendEvents([aged('bob', 0), aged('bob', 500), aged('cid', 900)]);
        timeMs += 600;
        const request = { releaseId: R1, userId: 'ann', users: 5, itemsPerUser: 5 };
        const found = await store.similarUsersItems(request, options());
        expect([found.userIds, [...found.offsets], named(found, ['i0', 'i500', 'i900'])]).toEqual([
          ['bob', 'cid'],
          [0, 1, 1],
          ['i0'],
        ]);
        const rows = { releaseId: R1, userRows: Uint32Array.of(2, 1), itemsPerUser: 5 };
        expect([...(await store.usersItems(rows, options())).offsets]).toEqual([0, 0, 1]);
      });

      it('is cleared of what is too old, and of users that have nothing else', async () => {
        const users = Array.from({ length: 1_200 }, (_, i) => aged(`u${i}`, 500));
        await store.appendEvents(users.slice(0, 600));
        await store.appendEvents([
          ...users.slice(600),
          aged('u7', 0),
          aged('\uffff', 500),
          aged('🙂', 0),
          aged('🙂', 1_000),
        ]);
        expect(await store.expireHistories()).toMatchObject({ usersRemoved: 0, eventsRemoved: 0 });
        timeMs += 1;
        expect(await store.expireHistories()).toEqual({ users: 1_202, usersRemoved: 0, eventsRemoved: 1 });
        timeMs += 500;
        expect(await store.expireHistories()).toEqual({ users: 1_202, usersRemoved: 1_200, eventsRemoved: 1_201 });
        expect(await store.expireHistories()).toEqual({ users: 2, usersRemoved: 0, eventsRemoved: 0 });
        store = await under.reopen();
        expect([await ages('u0'), await ages('u7'), await ages('🙂')]).toEqual([[], [0], [0]]);
      });

      it('is cleared without a loss for those who append meanwhile', async () => {
        const ids = Array.from({ length: 600 }, (_, i) => `u${i}`);
        await store.appendEvents(ids.map((id) => aged(id, 900)));
        timeMs += 200;
        await Promise.all([store.expireHistories(), ...ids.map((id) => store.appendEvents([aged(id, 0)]))]);
        await store.expireHistories();
        store = await under.reopen();
        for (const id of ids) expect(await ages(id)).toEqual([0]);
      });

      it('stops clearing when it is told to', async () => {
        for (const half of [0, 1]) {
          await store.appendEvents(Array.from({ length: 600 }, (_, i) => aged(`u${half}-${i}`, 500)));
        }
        timeMs += 501;
        const { users } = await store.expireHistories({ signal: AbortSignal.abort() });
        expect(users).toBeLessThan(1_200);
      });

      it('loses nothing by a clearing when it has no limit', async () => {
        await store.appendEvents([aged('u', 500)]);
        timeMs += 10_000;
        store = await under.reopen({ nowMs: () => timeMs });
        expect(await store.expireHistories()).toEqual({ users: 0, usersRemoved: 0, eventsRemoved: 0 });
        expect(await ages('u')).toEqual([500]);
      });

      it('is not imported beyond it', async () => {
        const imported = await store.importHistories(
          packed([['u', [aged('u', 10), aged('u', 1_000), aged('u', 1_001)]]]),
        );
        expect(imported).toEqual({ accepted: 2, duplicates: 0, tooOld: 1 });
        expect(await store.importHistories(packed([['v', [aged('v', 2_000)]]]))).toMatchObject({ tooOld: 1 });
        expect([await ages('u'), await ages('v')]).toEqual([[10, 1_000], []]);
      });
    });

    describe('import', () => {
      it('fills empty histories, merges with live ones, and changes nothing a second time', async () => {
        await store.appendEvents([event('u', 'b', 20, 9), event('u', 'live', 25)]);
        const batch = packed([
          ['u', [event('u', 'c', 30), event('u', 'b', 20), event('u', 'a', 10)]],
          ['v', [event('v', 'a', 10, 0.5)]],
          ['w', []],
        ]);
        expect(await store.importHistories(batch)).toEqual({ accepted: 3, duplicates: 1, tooOld: 0 });
        expect(await store.importHistories(batch)).toEqual({ accepted: 0, duplicates: 4, tooOld: 0 });
        const found = await history('u');
        expect(named(found, ['a', 'b', 'c', 'live'])).toEqual(['c', 'live', 'b', 'a']);
        expect([...found.weights]).toEqual([1, 1, 9, 1]);
        expect([[...(await history('v')).weights], (await history('w')).timesMs.length]).toEqual([[0.5], 0]);
      });

      it('takes many users, and none', async () => {
        const ids = Array.from({ length: 1_200 }, (_, i) => `u${i}`);
        const users = packed(ids.map((id, i) => [id, [event(id, 'a', 1 + i)]]));
        expect(await store.importHistories(users)).toEqual({ accepted: 1_200, duplicates: 0, tooOld: 0 });
        expect([...(await history('u1199')).timesMs]).toEqual([1_200]);
        expect(await store.importHistories(packed([]))).toEqual({ accepted: 0, duplicates: 0, tooOld: 0 });
      });

      it('loses nothing when others append at once', async () => {
        const ids = Array.from({ length: 600 }, (_, i) => `u${i}`);
        const results = await Promise.all([
          store.importHistories(packed(ids.map((id) => [id, [event(id, 'a', 10)]]))),
          ...ids.map((id) => store.appendEvents([event(id, 'b', 20)])),
        ]);
        expect(results.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(1_200);
        for (const id of ids) expect([...(await history(id)).timesMs]).toEqual([20, 10]);
      });

      it('does what appending the events one by one, oldest first, does', async () => {
        const drawn = fc.record({ item: fc.integer({ min: 0, max: 3 }), time: fc.integer({ min: 1, max: 9 }) });
        const inThree = drawn.map(({ item, time }) => ({ item, time: time % 3 }));
        // Either all have a place, or no two have one time: else it is open who of them gets it.
        const someOf = fc.oneof(
          fc.tuple(
            fc.array(inThree, { maxLength: 2 }),
            fc.uniqueArray(inThree, { maxLength: 3, selector: ({ item, time }) => item * 3 + time }),
          ),
          fc.tuple(fc.array(drawn), fc.uniqueArray(drawn, { selector: ({ time }) => time })),
        );
        let round = 0;
        await fc.assert(
          fc.asyncProperty(someOf, async ([before, added]) => {
            const [appended, imported] = [`appended${round}`, `imported${round++}`];
            const eventsOf = (userId: string, some: readonly { item: number; time: number }[]) =>
              some.map(({ item, time }, i) => event(userId, `i${item}`, 1 + time, 1 + i));
            for (const userId of [appended, imported]) await store.appendEvents(eventsOf(userId, before));
            const oldestFirst = [...added].sort((a, b) => a.time - b.time);
            const newestFirst = eventsOf(imported, oldestFirst).reverse();
            expect(await store.importHistories(packed([[imported, newestFirst]]))).toEqual(
              await store.appendEvents(eventsOf(appended, oldestFirst)),
            );
            expect(await history(imported)).toEqual(await history(appended));
          }),
          { numRuns: 60 },
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
        await store.seal(summary(R1, SHA_1));
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
        await store.seal(summary(R1, SHA_1));
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
        await store.seal(summary(R2, SHA_2));
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
        for (const id of ids) await store.seal(summary(id, SHA_1));
        await store.seal(summary(ids[0]!, SHA_1));
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
          store.similarUsersItems(
            { releaseId: R1, manifestSha256, userId: 'ann', users: 1, itemsPerUser: 1 },
            options(),
          ),
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
        await expect(store.seal(summary(R1, SHA_2))).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
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

    liveItemsConformance({
      store: () => store,
      reopen: async (rules) => {
        store = await under.reopen(rules);
      },
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
          await store.seal(summary(id, SHA_2));
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
        await store.seal(summary(R1, SHA_1));
        await store.removeRelease(R1);
        await store.seal(summary(R1, SHA_2));
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
  });
}
