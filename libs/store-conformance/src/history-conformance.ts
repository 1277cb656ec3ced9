import type { PackedHistory, Store } from '@mic/recall';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { StoreOfCase, StoreRules } from './store-under-test';
import {
  R1,
  R2,
  SHA_2,
  ODD_IDS,
  idOfAnyCharacters,
  options,
  event,
  named,
  packed,
  publish,
  sealRelease,
  summary,
} from './what-is-stored';

/** What every backend does with histories. A store keeps at most 5 events of a user. */
export function historyConformance(under: StoreOfCase): void {
  let store: Store;
  beforeEach(() => {
    store = under.store();
  });

  /** A user's history, through a release that knows nobody. */
  const history = async (userId: string, historyLimit = 100): Promise<PackedHistory> => {
    await sealRelease(store, summary(R2, SHA_2));
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
      const some = fc.array(fc.record({ item: fc.integer({ min: 0, max: 3 }), time: fc.integer({ min: 1, max: 9 }) }));
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
}
