import { MicError } from '@mic/domain';
import type { FeatureSchema } from '@mic/features';
import type { ItemEmbedder, ItemFields, LiveItem, LiveItemChanges, LiveItemsMark } from '@mic/recall';
import { createLogger } from '@mic/rpc';
import { LmdbStore } from '@mic/store-lmdb';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tinyCatalog } from '../../recall/src/testing/tiny-world';
import { ItemWrites } from './item-writes';
import { LiveItemsFollower } from './live-items-follower';
import { ReleaseItems } from './release-items';

const SCHEMA: FeatureSchema = {
  userFields: [],
  itemFields: [
    { name: 'genre', type: 'multi', vocabulary: ['one', 'two'], width: 2 },
    { name: 'year', type: 'numeric', boundaries: [2000] },
  ],
  categoryField: 'genre',
};
const options = { signal: new AbortController().signal, requestId: 'spec' };

/** Tells of calls; a vector points to (1, 0), or to (0, 1) for a year from 2000 on. */
class Tower implements ItemEmbedder {
  readonly asked: number[][][] = [];
  isDown = false;
  /** It fails for years from 2000 on, and for all that come in one call with them. */
  failsFrom2000 = false;
  isBroken = false;
  tries = 0;
  /** Until it resolves nothing is answered. */
  hangs: Promise<void> = Promise.resolve();

  async embedItems(_releaseId: string, fields: readonly Int32Array[]): Promise<Float32Array> {
    this.tries++;
    await this.hangs;
    if (this.isBroken) throw new MicError('INTERNAL', 'the tower is broken');
    if (this.isDown) return Promise.reject(new MicError('UNAVAILABLE', 'no tower'));
    this.asked.push(fields.map((row) => [...row]));
    if (this.failsFrom2000 && fields.some((row) => row[2] === 2)) {
      return Promise.reject(new MicError('INTERNAL', 'gave a vector of length 0'));
    }
    return Promise.resolve(Float32Array.from(fields.flatMap((row) => (row[2] === 2 ? [0, 1] : [1, 0]))));
  }
}

let folder: string;
let store: LmdbStore;
let tower: Tower;
let follower: LiveItemsFollower;
let release: ReleaseItems;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'live-items-'));
  store = await LmdbStore.open({ path: folder });
  tower = new Tower();
  release = new ReleaseItems({ catalog: tinyCatalog(), schema: SCHEMA, embedder: tower });
  follower = new LiveItemsFollower({
    records: () => Promise.resolve(store),
    logger: createLogger({ level: 'fatal', service: 'spec' }),
    everyMs: 600_000,
  });
  await follower.add(release);
});
afterEach(async () => {
  await follower.close();
  await store.close();
  await rm(folder, { recursive: true });
});

const write = async (...items: LiveItem[]): Promise<number> => {
  const revision = await store.writeLiveItems(items);
  await follower.look().catch(() => undefined);
  return revision;
};

describe('ReleaseItems', () => {
  it('gives new items a vector by their fields, and a category', async () => {
    const revision = await write(
      { itemId: 'x', fields: { genre: ['two', 'one', 'unheard'], year: 1999 } },
      { itemId: 'y', fields: { year: 2001 } },
    );
    expect(tower.asked).toEqual([
      [
        [2, 1, 1],
        [0, 0, 2],
      ],
    ]);
    expect(release.current).toEqual({
      revision,
      newItems: [
        { itemId: 'x', category: 'two' },
        { itemId: 'y', category: '' },
      ],
      vectors: Float32Array.of(1, 0, 0, 1),
      categories: new Map(),
      hiddenIds: [],
    });
  });

  it('takes over the category alone of items that the release knows', async () => {
    await write({ itemId: 'a', fields: { genre: ['two'] } }, { itemId: 'b', fields: { genre: ['one'] } });
    expect(tower.asked).toEqual([]);
    expect(release.current.newItems).toEqual([]);
    expect(release.current.categories).toEqual(new Map([[0, 'two']]));
  });

  it('asks the tower for what has changed, and for nothing twice', async () => {
    await write({ itemId: 'x', fields: { year: 1 } }, { itemId: 'y', fields: { year: 2 } });
    await write({ itemId: 'z', fields: { year: 3 } });
    await write({ itemId: 'x', fields: { year: 2020 } });
    expect(tower.asked.map((call) => call.length)).toEqual([2, 1, 1]);
    expect([...release.current.vectors]).toEqual([1, 0, 1, 0, 0, 1]);
    expect(release.current.newItems.map(({ itemId }) => itemId)).toEqual(['y', 'z', 'x']);
  });

  it('hides, and shows again what was hidden', async () => {
    await write({ itemId: 'x', fields: { year: 1 } }, { itemId: 'a', fields: null });
    await write({ itemId: 'x', fields: null });
    expect(release.current).toMatchObject({ newItems: [], hiddenIds: ['a', 'x'] });
    await write({ itemId: 'a', fields: {} }, { itemId: 'x', fields: { year: 1 } });
    expect(release.current).toMatchObject({ newItems: [{ itemId: 'x' }], hiddenIds: [] });
  });

  it('hides while the tower is away, says that it is behind, and catches up', async () => {
    const before = await write({ itemId: 'w', fields: {} });
    tower.isDown = true;
    const revision = await write({ itemId: 'x', fields: {} }, { itemId: 'w', fields: null });
    expect(release.current).toMatchObject({ revision: before, newItems: [], hiddenIds: ['w'] });
    tower.isDown = false;
    await follower.look();
    expect(release.current).toMatchObject({ revision, newItems: [{ itemId: 'x' }], hiddenIds: ['w'] });
  });

  it('leaves out the items that the tower fails for, and no others', async () => {
    tower.failsFrom2000 = true;
    const items = ['a1', 'a2', 'bad', 'a3'].map((itemId) => ({
      itemId,
      fields: { year: itemId === 'bad' ? 2001 : 1 },
    }));
    await store.writeLiveItems(items);
    await expect(follower.look()).rejects.toMatchObject({
      code: 'INTERNAL',
      subject: 'bad',
      message: 'no vector for the live item "bad": gave a vector of length 0',
    });
    expect(release.current.newItems.map(({ itemId }) => itemId)).toEqual(['a1', 'a2', 'a3']);
    // All; one without fields; the halves; the halves of the second.
    expect(tower.asked.map((call) => call.length)).toEqual([4, 1, 2, 2, 1, 1]);
    // It is not asked for again, and holds nobody up.
    const revision = await write({ itemId: 'a4', fields: { year: 1 } });
    expect(tower.asked.map((call) => call.length).slice(6)).toEqual([1]);
    expect(release.current.revision).toBe(revision);
    // With other fields it comes.
    await write({ itemId: 'bad', fields: { year: 2 } });
    expect(release.current.newItems.map(({ itemId }) => itemId)).toEqual(['a1', 'a2', 'a3', 'a4', 'bad']);
    // One that has had a vector does not keep that of fields which it has no more.
    await write({ itemId: 'a1', fields: { year: 2001 } }, { itemId: 'a5', fields: {} });
    expect(release.current.newItems.map(({ itemId }) => itemId)).toEqual(['a2', 'a3', 'a4', 'bad', 'a5']);
  });

  it('blames no item where the tower fails for all', async () => {
    tower.isBroken = true;
    const revision = await write({ itemId: 'x', fields: { year: 2001 } }, { itemId: 'y', fields: { year: 2002 } });
    expect(release.current).toMatchObject({ revision: 0, newItems: [] });
    tower.isBroken = false;
    await follower.look();
    expect(release.current).toMatchObject({ revision, newItems: [{ itemId: 'x' }, { itemId: 'y' }] });
  });

  it('leaves out as many as there are that it fails for, and none that come later', async () => {
    tower.failsFrom2000 = true;
    const bad = Array.from({ length: 200 }, (_, i) => ({ itemId: `bad${i}`, fields: { year: 2001 } }));
    await write(...bad.slice(0, 12));
    // It gave none of them a vector; that of an item without fields tells that it is well.
    expect(release.current.revision).toBe(12);
    await write(...bad);
    const revision = await write({ itemId: 'good', fields: { year: 1 } });
    for (let look = 0; look < 6; look++) await follower.look().catch(() => undefined);
    expect(release.current).toMatchObject({ revision, newItems: [{ itemId: 'good' }] });
    const asked = tower.asked.length;
    await follower.look();
    expect(tower.asked.length).toBe(asked);
  });

  it('drops what was forgotten', async () => {
    await write({ itemId: 'x', fields: {} }, { itemId: 'y', fields: {} }, { itemId: 'a', fields: null });
    await store.forgetLiveItems([
      { itemId: 'x', fields: {} },
      { itemId: 'a', fields: null },
    ]);
    await follower.look();
    expect(release.current).toMatchObject({ newItems: [{ itemId: 'y' }], hiddenIds: [] });
    expect(tower.asked).toHaveLength(1);
  });

  it('asks for many in portions', async () => {
    await write(...Array.from({ length: 300 }, (_, i) => ({ itemId: `n${i}`, fields: {} })));
    expect(tower.asked.map((call) => call.length)).toEqual([128, 128, 44]);
    expect(release.current.newItems).toHaveLength(300);
  });
});

describe('LiveItemsFollower', () => {
  it('brings a release that is opened later to where the others are', async () => {
    const revision = await write({ itemId: 'x', fields: {} });
    const other = new ReleaseItems({ catalog: tinyCatalog(), schema: SCHEMA, embedder: tower });
    await follower.add(other);
    expect(other.current).toMatchObject({ revision, newItems: [{ itemId: 'x' }] });
    follower.remove(other);
    await write({ itemId: 'y', fields: {} });
    expect(other.current.newItems).toHaveLength(1);
  });

  it('brings each release there, whatever becomes of another one', async () => {
    const other = new ReleaseItems({ catalog: tinyCatalog(), schema: SCHEMA, embedder: new Tower() });
    await follower.add(other);
    tower.isDown = true;
    const revision = await write({ itemId: 'x', fields: {} }, { itemId: 'a', fields: null });
    expect(other.current).toMatchObject({ revision, newItems: [{ itemId: 'x' }], hiddenIds: ['a'] });
    expect(release.current).toMatchObject({ newItems: [], hiddenIds: ['a'] });
  });

  it('looks by itself', async () => {
    const quick = new LiveItemsFollower({
      records: () => Promise.resolve(store),
      logger: createLogger({ level: 'fatal', service: 'spec' }),
      everyMs: 5,
    });
    const watching = new ReleaseItems({ catalog: tinyCatalog(), schema: SCHEMA, embedder: tower });
    await quick.add(watching);
    await store.writeLiveItems([{ itemId: 'x', fields: {} }]);
    await expect.poll(() => watching.current.newItems.length).toBe(1);
    await quick.close();
  });

  it('asks for changes alone, and survives a store that is away', async () => {
    const asked: (LiveItemsMark | null)[] = [];
    let isDown = false;
    const records = {
      liveItems: (known: LiveItemsMark | null): Promise<LiveItemChanges> => {
        asked.push(known);
        return isDown ? Promise.reject(new MicError('UNAVAILABLE', 'no store')) : store.liveItems(known);
      },
    };
    const other = new LiveItemsFollower({
      records: () => Promise.resolve(records),
      logger: createLogger({ level: 'fatal', service: 'spec' }),
      everyMs: 600_000,
    });
    await other.look();
    const revision = await write({ itemId: 'x', fields: {} });
    isDown = true;
    await expect(other.look()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    isDown = false;
    await other.look();
    await other.look();
    expect(asked.map((mark) => mark?.revision ?? null)).toEqual([null, 0, 0, revision]);
    await other.close();
  });
});

describe('ItemWrites', () => {
  const writes = () => new ItemWrites({ writer: store, follower, schema: () => Promise.resolve(SCHEMA) });

  it('are in force when they return', async () => {
    const revision = await writes().upsertItems([{ itemId: 'x', fields: { genre: ['one'] } }], options);
    expect(release.current).toMatchObject({ revision, newItems: [{ itemId: 'x', category: 'one' }] });
    const next = await writes().removeItems(['x', 'a'], options);
    expect(next).toBeGreaterThan(revision);
    expect(release.current).toMatchObject({ newItems: [], hiddenIds: ['x', 'a'] });
  });

  it('refuse fields that the release does not have, and store nothing', async () => {
    const items: { itemId: string; fields: ItemFields }[] = [
      { itemId: 'x', fields: {} },
      { itemId: 'y', fields: { gender: 'one' } },
    ];
    await expect(writes().upsertItems(items, options)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      subject: 'items[1].fields["gender"]',
      remedy: 'use the fields genre, year',
    });
    expect((await store.liveItems(null)).items).toEqual([]);
  });

  it('hide an item while the tower hangs', async () => {
    let answer: () => void = () => undefined;
    tower.hangs = new Promise((resolve) => (answer = resolve));
    const upsert = writes().upsertItems([{ itemId: 'x', fields: {} }], { ...options, timeoutMs: 20_000 });
    await expect.poll(async () => (await store.liveItems(null)).items.length).toBe(1);
    await writes().removeItems(['a'], { ...options, timeoutMs: 20_000 });
    expect(release.current).toMatchObject({ newItems: [], hiddenIds: ['a'] });
    const last = writes().removeItems(['x'], { ...options, timeoutMs: 20_000 });
    answer();
    await Promise.all([upsert, last]);
    await follower.look();
    expect(release.current).toMatchObject({ newItems: [], hiddenIds: ['a', 'x'] });
  });

  it('wait for the vectors that another write has asked for', async () => {
    let answer: () => void = () => undefined;
    tower.hangs = new Promise((resolve) => (answer = resolve));
    await store.writeLiveItems([{ itemId: 'x', fields: {} }]);
    const first = follower.look();
    await expect.poll(() => tower.tries).toBe(1);
    const second = follower.look();
    const early = await Promise.race([second.then(() => 'over'), new Promise((resolve) => setTimeout(resolve, 50))]);
    expect(early).toBeUndefined();
    answer();
    await second;
    expect(release.current.newItems).toHaveLength(1);
    await first;
  });

  it('asks no tower item by item that is broken for all', async () => {
    tower.isBroken = true;
    const items = Array.from({ length: 128 }, (_, i) => ({ itemId: `n${i}`, fields: {} }));
    await write(...items);
    expect(tower.tries).toBe(2);
    tower.isBroken = false;
    await follower.look();
    expect(release.current.newItems).toHaveLength(128);
  });

  it('are stored although the tower is away', async () => {
    tower.isDown = true;
    await writes().upsertItems([{ itemId: 'x', fields: {} }], options);
    expect((await store.liveItems(null)).items).toHaveLength(1);
  });
});
