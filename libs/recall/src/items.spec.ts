import { hashIds, NO_ROW } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import { Items, type LiveItems } from './items';
import { searchItems } from './search-items';
import { recallTiny } from './testing/recall-tiny';
import { history, RELEASE, tinyCatalog, tinyPorts } from './testing/tiny-world';

/** x beside the user's vector, y at (0, -1); f has changed its category, b is hidden, as are two that nobody knows. */
const LIVE: LiveItems = {
  revision: 7,
  newItems: [
    { itemId: 'x', category: 'three' },
    { itemId: 'y', category: 'new' },
  ],
  vectors: Float32Array.of(0.96, 0.28, 0, -1),
  categories: new Map([[5, 'one']]),
  hiddenIds: ['b', 'p', 'q'],
};
const items = new Items(tinyCatalog(), LIVE);
const options = { signal: new AbortController().signal, requestId: 'spec' };
const ids = (result: Awaited<ReturnType<typeof recallTiny>>) => result.items.map(({ itemId }) => itemId);

describe('Items', () => {
  it('has live items behind those of the release', () => {
    expect([items.count, items.releaseCount, items.liveCount, items.revision]).toEqual([8, 6, 2, 7]);
    expect([...items.rowsOf(hashIds(['a', 'x', 'nobody', 'y', 'f']))]).toEqual([0, 6, NO_ROW, 7, 5]);
    expect([0, 5, 6, 7].map((row) => items.itemId(row))).toEqual(['a', 'f', 'x', 'y']);
    expect([...items.hidden]).toEqual([1]);
  });

  it('knows categories that the release does not have, and those that items have now', () => {
    expect([0, 2, 5, 6, 7].map((row) => items.categoryName(items.categoryOf(row)))).toEqual([
      'one',
      'two',
      'one',
      'three',
      'new',
    ]);
    const named = (...names: string[]) => [...items.rowsOfCategories(items.categoriesNamed(names))];
    expect(named('one')).toEqual([0, 1, 5]);
    expect(named('three', 'new', 'nowhere')).toEqual([4, 6, 7]);
    expect(items.sizeOfCategories(items.categoriesNamed(['one', 'three']))).toBe(5);
  });

  it('compares vectors of both', () => {
    const round = (value: number) => Math.round(value * 100) / 100;
    expect([0, 2, 6, 7].map((row) => round(items.similarity(Float32Array.of(0, 1), 0, row)))).toEqual([
      0, 0.8, 0.28, -1,
    ]);
    expect([items.alike(0, 6), items.alike(6, 0), items.alike(6, 7), items.alike(7, 3)].map(round)).toEqual([
      0.96, 0.96, -0.28, -1,
    ]);
    expect([...items.vectorsOf([3, 7])]).toEqual([0, 1, 0, -1]);
  });
});

describe('searchItems', () => {
  it('gives the best of the release and of the live items', async () => {
    const vectors = Float32Array.of(1, 0, 0, -1);
    const request = { releaseId: RELEASE, count: 2, vectors, k: 3 };
    const { offsets, rows, scores } = await searchItems(tinyPorts().index, items, request, options);
    expect([...offsets]).toEqual([0, 3, 6]);
    // At (1, 0): a 1, x .96, b .8; at (0, -1): y 1, then a and f with 0, by row.
    expect([...rows]).toEqual([0, 6, 1, 7, 0, 5]);
    expect([...scores].map((score) => Math.round(score * 100) / 100 + 0)).toEqual([1, 0.96, 0.8, 1, 0, 0]);
  });

  it('is the search itself where there are none', async () => {
    const { index } = tinyPorts();
    const request = { releaseId: RELEASE, count: 1, vectors: Float32Array.of(0, 1), k: 2 };
    expect(await searchItems(index, new Items(tinyCatalog()), request, options)).toEqual(
      await index.search(request, options),
    );
  });
});

describe('a request beside live items', () => {
  it('finds new ones, and hides removed ones in every channel', async () => {
    const result = await recallTiny({ n: 8 }, { liveItems: LIVE });
    expect(result.itemsRevision).toBe(7);
    expect(ids(result)[0]).toBe('x');
    expect(ids(result)).toEqual(expect.arrayContaining(['x', 'y', 'c', 'e', 'f']));
    expect(ids(result)).not.toContain('b');
    expect(result.items[0]).toMatchObject({ category: 'three', sources: [{ channel: 'U2I' }] });
  });

  it('filters by what their categories are now', async () => {
    expect(ids(await recallTiny({ n: 8, categories: ['new'] }, { liveItems: LIVE }))).toEqual(['y']);
    expect(ids(await recallTiny({ n: 8, categories: ['one'] }, { liveItems: LIVE }))).toEqual(['f']);
    expect(ids(await recallTiny({ n: 8, onlyItemIds: ['x', 'c', 'a'] }, { liveItems: LIVE })).sort()).toEqual([
      'c',
      'x',
    ]);
  });

  it('counts events of a live item as seen, and does not show the tower rows that it does not know', async () => {
    const shown: number[][] = [];
    const { embedder } = tinyPorts();
    const embed: typeof embedder.embed = (releaseId, input, ...rest) => {
      shown.push([...input.historyRows]);
      return embedder.embed(releaseId, input, ...rest);
    };
    const inlineHistory = { ...history('x', 'c'), timesMs: Float64Array.of(3000, 2000) };
    const result = await recallTiny({ n: 8, inlineHistory }, { liveItems: LIVE, ports: { embedder: { embed } } });
    expect(shown).toEqual([[2, 0, 3]]);
    expect(ids(result)).not.toContain('x');
  });

  it('lets similar users’ events of live items count', async () => {
    const { store } = tinyPorts();
    const similarUsersItems: typeof store.similarUsersItems = async (...call) => {
      const found = await store.similarUsersItems(...call);
      return { ...found, itemHashes: hashIds(['x', 'a', 'e', 'c', 'unknown']) };
    };
    const result = await recallTiny({ n: 8 }, { liveItems: LIVE, store: { similarUsersItems } });
    expect(result.items[0]).toMatchObject({
      itemId: 'x',
      sources: [{ channel: 'U2I' }, { channel: 'U2U2I', trigger: 'v' }],
    });
  });
});
