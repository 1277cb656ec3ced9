import type { ItemFields, LiveItem, LiveItemChanges, LiveItemsMark, Store } from '@mic/recall';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StoreOfCase } from './store-under-test';

const of = (itemId: string, year: number): LiveItem => ({ itemId, fields: { year } });
const hidden = (itemId: string): LiveItem => ({ itemId, fields: null });
const many = (from: number, to: number): LiveItem[] =>
  Array.from({ length: to - from }, (_, i) => of(`i${from + i}`, from + i));

/** Ids and names that break naive keys and records. */
const ODD_NAMES = [
  'u:1',
  '\u0000',
  '\u001b',
  ' ',
  '0',
  '-1',
  'null',
  'constructor',
  'ü',
  '🙂'.repeat(64),
  '\uffff',
].concat(['x'.repeat(256), '\u0000'.repeat(256), '{u}', '*', '\r\n', '"', '\\', '\u2028']);

/** A reader as the gateway is one: it asks for what is new, and keeps what it was told. */
class Reader {
  readonly known = new Map<string, ItemFields | null>();
  mark: LiveItemsMark | null = null;

  async look(store: Store): Promise<LiveItemChanges> {
    const changes = await store.liveItems(this.mark);
    if (changes.isWhole) this.known.clear();
    for (const { itemId, fields } of changes.items) this.known.set(itemId, fields);
    this.mark = { revision: changes.revision, epoch: changes.epoch };
    return changes;
  }
}

/** What every backend does with live items; `store` is the one that is open, empty at the start of every case. */
export function liveItemsConformance(under: StoreOfCase): void {
  const write = (...items: LiveItem[]): Promise<number> => under.store().writeLiveItems(items);
  const read = (known: LiveItemsMark | null = null): Promise<LiveItemChanges> => under.store().liveItems(known);
  const forget = (...items: LiveItem[]): Promise<number> => under.store().forgetLiveItems(items);

  describe('live items', () => {
    it('are none at first', async () => {
      const { revision, epoch, isWhole, items } = await read();
      expect([revision, isWhole, items]).toEqual([0, true, []]);
      expect(await read({ revision, epoch })).toEqual({ revision, epoch, isWhole: false, items: [] });
      expect([await write(), await forget(), await forget(of('a', 1))]).toEqual([0, 0, 0]);
      expect(await read()).toEqual({ revision, epoch, isWhole: true, items: [] });
    });

    it('have a revision for each change, in the order given, and readers get what is newer', async () => {
      expect(await write(of('b', 1), of('a', 2))).toBe(2);
      const first = await read();
      expect(first).toMatchObject({ revision: 2, isWhole: true, items: [of('b', 1), of('a', 2)] });
      expect(await write(hidden('c'), hidden('b'))).toBe(4);
      const { epoch } = first;
      const changes = { revision: 4, epoch, isWhole: false };
      expect(await read(first)).toEqual({ ...changes, items: [hidden('c'), hidden('b')] });
      expect(await read({ revision: 3, epoch })).toEqual({ ...changes, items: [hidden('b')] });
      expect(await read({ revision: 0, epoch })).toEqual({ ...changes, items: [of('a', 2), hidden('c'), hidden('b')] });
      expect(await read({ revision: 4, epoch })).toEqual({ ...changes, items: [] });
      expect(await write(of('d', 1), hidden('a'))).toBe(6);
      expect((await read()).items).toEqual([hidden('c'), hidden('b'), of('d', 1), hidden('a')]);
    });

    it('are as they are when the same is said again, in any order of the names', async () => {
      await write({ itemId: 'a', fields: { genre: ['x', 'y'], year: 1.5 } }, of('b', 1));
      await write(hidden('c'));
      const before = await read();
      expect(await write({ itemId: 'a', fields: { year: 1.5, genre: ['x', 'y'] } }, of('b', 1))).toBe(3);
      expect(await write(hidden('c'))).toBe(3);
      expect(await read()).toEqual(before);
      expect(await write(of('b', 1), { itemId: 'a', fields: { year: 1.5, genre: ['y', 'x'] } }, of('e', 1))).toBe(5);
      const { items } = await read(before);
      expect(items).toEqual([{ itemId: 'a', fields: { year: 1.5, genre: ['y', 'x'] } }, of('e', 1)]);
    });

    it('are what was said last: hidden, and back', async () => {
      for (const item of [of('a', 1), hidden('a'), of('a', 1)]) {
        await write(item);
        expect((await read()).items).toEqual([item]);
      }
      expect((await read()).revision).toBe(3);
    });

    it('keep ids, names and texts as they are', async () => {
      const fields = Object.fromEntries(ODD_NAMES.map((name, i) => [name, [name, [name, ' '], i / 3][i % 3]!]));
      const items = ODD_NAMES.map((itemId, i) => ({ itemId, fields: i % 2 === 0 ? fields : { [itemId]: '' } }));
      expect(await write(...items)).toBe(items.length);
      expect((await read()).items).toEqual(items);
      expect(await write(...items)).toBe(items.length);
      const numbers = { lowest: -Number.MAX_VALUE, smallest: Number.MIN_VALUE, third: 1 / 3, zero: 0 };
      await write({ itemId: 'numbers', fields: numbers });
      expect((await read()).items.at(-1)!.fields).toEqual(numbers);
      expect(await forget(...items)).toBe(items.length);
      expect((await read()).items).toEqual([{ itemId: 'numbers', fields: numbers }]);
    });

    it('outlive a restart, and what readers know of them does', async () => {
      await write(of('a', 1), of('b', 2));
      await forget(of('a', 1));
      const before = await read();
      await under.reopen();
      expect(await read()).toEqual(before);
      expect(await read(before)).toMatchObject({ isWhole: false, items: [] });
      expect(await write(of('a', 1))).toBe(3);
    });

    it('give everything to a reader that knows of more than there is', async () => {
      const { epoch } = await read();
      await write(of('a', 1));
      expect(await read({ revision: 2, epoch })).toEqual({ revision: 1, epoch, isWhole: true, items: [of('a', 1)] });
    });

    it('are refused beyond the cap, with all of a call; those that are there may change', async () => {
      await under.reopen({ liveItemsCap: 3 });
      await write(of('a', 1), of('b', 1));
      const refused = { code: 'RESOURCE_EXHAUSTED', message: expect.stringContaining('4 live items, 3 are') };
      const remedy = expect.stringContaining('publish a release');
      await expect(write(of('a', 2), of('c', 1), of('d', 1))).rejects.toMatchObject({ ...refused, remedy });
      await expect(write(hidden('c'), hidden('d'))).rejects.toMatchObject(refused);
      expect(await read()).toMatchObject({ revision: 2, items: [of('a', 1), of('b', 1)] });
      expect(await write(hidden('a'), hidden('c'))).toBe(4);
      await expect(write(of('d', 1))).rejects.toMatchObject(refused);
      expect(await write(of('a', 3), of('b', 3), of('c', 3))).toBe(7);
      expect(await forget(of('b', 3))).toBe(1);
      expect(await write(of('d', 1))).toBe(8);
      await under.reopen({ liveItemsCap: 1 });
      expect(await write(of('d', 2))).toBe(9);
      await expect(write(of('e', 1))).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    });

    it('take thousands, and forget them', async () => {
      await Promise.all([0, 1_000].map((from) => write(...many(from, from + 1_000))));
      expect(await write(...many(1_900, 2_500))).toBe(2_500);
      const whole = await read();
      expect(whole.items.length).toBe(2_500);
      expect(whole.items.slice(-500)).toEqual(many(2_000, 2_500));
      expect((await read({ ...whole, revision: 2_499 })).items).toEqual([of('i2499', 2_499)]);
      expect(await forget(...many(0, 2_400), of('i2401', 1))).toBe(2_400);
      const after = await read(whole);
      expect([after.isWhole, after.revision, after.items]).toEqual([true, 2_500, many(2_400, 2_500)]);
    });

    describe('that are forgotten', () => {
      it('are gone, and every reader is told everything', async () => {
        await write(of('a', 1), of('b', 2), of('c', 3));
        await write(hidden('d'));
        const before = await read();
        expect(await forget(of('a', 1), hidden('d'))).toBe(2);
        const after = await read(before);
        expect([after.isWhole, after.revision, after.items]).toEqual([true, 4, [of('b', 2), of('c', 3)]]);
        expect(after.epoch).not.toBe(before.epoch);
        expect(await read(after)).toMatchObject({ isWhole: false, items: [] });
        expect(await write(of('a', 1))).toBe(5);
        expect(await read(after)).toMatchObject({ isWhole: false, items: [of('a', 1)] });
      });

      it('stay where they were changed since they were read, or are not there', async () => {
        await write(of('a', 1), of('b', 2));
        const { items } = await read();
        await write(of('a', 9));
        await write(hidden('b'));
        const before = await read();
        expect(await forget(...items, of('zoe', 1), hidden('a'))).toBe(0);
        expect(await read(before)).toEqual({ ...before, isWhole: false, items: [] });
        expect(await forget(...items, of('a', 9))).toBe(1);
        expect((await read()).items).toEqual([hidden('b')]);
      });
    });

    it('are written at once: readers see all of a call or nothing, and no change twice or never', async () => {
      const reader = new Reader();
      const ids = ['a', 'b', 'c', 'd', 'e'];
      let isWriting = true;
      const writer = async (first: number): Promise<number[]> => {
        const revisions: number[] = [];
        for (let year = first; year < first + 20; year++) revisions.push(await write(...ids.map((id) => of(id, year))));
        return revisions;
      };
      const watch = async (): Promise<number> => {
        let looks = 0;
        for (; isWriting; looks++) {
          const { items } = await reader.look(under.store());
          expect([0, ids.length]).toContain(items.length);
          expect(new Set(items.map(({ fields }) => JSON.stringify(fields))).size).toBeLessThan(2);
          await new Promise((resolve) => setImmediate(resolve));
        }
        return looks;
      };
      const watching = watch();
      const revisions = (await Promise.all([writer(100), writer(200), writer(300)])).flat();
      isWriting = false;
      expect(await watching).toBeGreaterThan(0);
      expect(revisions.sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => (i + 1) * ids.length));
      await reader.look(under.store());
      expect([...reader.known]).toEqual((await read()).items.map(({ itemId, fields }) => [itemId, fields]));
    });

    it('are forgotten without a loss for those who write meanwhile', async () => {
      const reader = new Reader();
      await write(...many(0, 200));
      await reader.look(under.store());
      const written = many(0, 100).map(({ itemId }) => of(itemId, -1));
      await Promise.all([forget(...many(0, 200)), ...written.map((item) => write(item)), reader.look(under.store())]);
      await reader.look(under.store());
      expect(Object.fromEntries(reader.known)).toEqual(
        Object.fromEntries(written.map(({ itemId, fields }) => [itemId, fields])),
      );
    });

    it('are to a reader what a plain map would be, for any sequence of calls', async () => {
      const content = fc.option(fc.record({ year: fc.integer({ min: 0, max: 2 }) }));
      const said = fc.record({ itemId: fc.constantFrom('a', 'b', 'c', 'd'), fields: content });
      const some = fc.uniqueArray(said, { selector: ({ itemId }) => itemId, maxLength: 4 });
      const step = fc.record({ kind: fc.constantFrom('write', 'write', 'forget', 'look'), items: some });
      const [reader, rare] = [new Reader(), new Reader()];
      const model = new Map<string, ItemFields | null>();
      let revision = 0;
      const isThere = ({ itemId, fields }: LiveItem): boolean =>
        model.has(itemId) && JSON.stringify(model.get(itemId)) === JSON.stringify(fields);
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
          for (const { kind, items } of steps) {
            if (kind === 'look') await rare.look(under.store());
            const there = items.filter(isThere);
            if (kind === 'write') {
              revision += items.length - there.length;
              expect(await write(...items)).toBe(revision);
              for (const { itemId, fields } of items) model.set(itemId, fields);
            }
            if (kind === 'forget') {
              expect(await forget(...items)).toBe(there.length);
              for (const { itemId } of there) model.delete(itemId);
            }
            expect((await reader.look(under.store())).revision).toBe(revision);
            expect(Object.fromEntries(reader.known)).toEqual(Object.fromEntries(model));
          }
          await rare.look(under.store());
          expect(Object.fromEntries(rare.known)).toEqual(Object.fromEntries(model));
        }),
        { numRuns: 40 },
      );
    });
  });
}
