import { MicError } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import type { RecallRequest, RecallResult } from '../recall-types';
import { recallTiny, type Setup } from '../testing/recall-tiny';
import { history, tinyPorts } from '../testing/tiny-world';

const round = (value: number): number => Math.round(value * 1e4) / 1e4;

/** What one channel alone gives: item, score, trigger. */
async function found(
  channel: 'U2U2I' | 'U2I2I',
  own: object,
  request: Partial<RecallRequest> = {},
  setup: Setup = {},
): Promise<{ result: RecallResult; items: [string, number, string][] }> {
  const off = { enabled: false };
  const channels = { U2I: off, U2U2I: off, U2I2I: off, [channel]: own };
  const result = await recallTiny({ n: 6, ...request }, { ...setup, profile: { channels } });
  const items = result.items
    .map(({ itemId, sources: [source] }): [string, number, string] => [itemId, round(source!.score), source!.trigger])
    .sort((a, b) => b[1] - a[1]);
  return { result, items };
}

describe('U2U2I', () => {
  it('by search finds users near the vector, without the one who asks', async () => {
    // At (1, 0): u 1 (who asks), v .6, w 0. Evidence of v e^-.8, of w e^-2, halved with each place: v: c, a (seen); w: e, c.
    const { items } = await found('U2U2I', { usersBy: 'search' });
    expect(items).toEqual([
      ['c', round(Math.exp(-0.8) + 0.5 * Math.exp(-2)), 'v'],
      ['e', round(Math.exp(-2)), 'w'],
    ]);
    const one = await found('U2U2I', { usersBy: 'search', similarUsers: 1 });
    expect(one.items).toEqual([['c', round(Math.exp(-0.8)), 'v']]);
  });

  it('searches for users that the release does not know, and only for those', async () => {
    const asked: string[] = [];
    const { store, userIndex } = tinyPorts();
    const setup: Setup = {
      store: {
        similarUsersItems: (...call) => (asked.push('lists'), store.similarUsersItems(...call)),
        usersItems: (...call) => (asked.push('items'), store.usersItems(...call)),
      },
      userIndex: { searchUsers: (...call) => (asked.push('search'), userIndex.searchUsers(...call)) },
    };
    await found('U2U2I', {}, {}, setup);
    expect(asked.splice(0)).toEqual(['lists']);
    const { items } = await found('U2U2I', {}, { userId: 'x', inlineHistory: history('a') }, setup);
    expect(asked.splice(0)).toEqual(['search', 'items']);
    // Users at (1, 0): u 1 (a, which is seen, then d), v .6 (c), w 0 (e, c).
    expect(items).toEqual([
      ['c', round(Math.exp(-0.8) + 0.5 * Math.exp(-2)), 'v'],
      ['d', 0.5, 'u'],
      ['e', round(Math.exp(-2)), 'w'],
    ]);
    const listed = await found('U2U2I', { usersBy: 'lists' }, { userId: 'x' }, setup);
    expect(asked).toEqual(['lists']);
    expect(listed.result.channels[1]).toMatchObject({ outcome: 'EMPTY' });
  });

  it('searches each index with its own width where the profile names none', async () => {
    const asked: (number | undefined)[] = [];
    const { userIndex } = tinyPorts();
    const setup: Setup = {
      indexEf: 70,
      userIndexEf: 90,
      userIndex: {
        searchUsers: (...call) => (asked.push(call[0].ef), userIndex.searchUsers(...call)),
        searchByUsers: (...call) => (asked.push(call[0].ef), userIndex.searchByUsers(...call)),
      },
    };
    await found('U2U2I', { usersBy: 'search', itemsBy: 'search' }, {}, setup);
    await found('U2U2I', { usersBy: 'search', itemsBy: 'search', ef: 30 }, {}, setup);
    expect(asked).toEqual([90, 70, 30, 30]);
  });

  it('uses the normalised mean of several vectors', async () => {
    const embed = () => Promise.resolve({ count: 2, vectors: Float32Array.of(1, 0, 0, 1) });
    const asked: number[][] = [];
    const { userIndex } = tinyPorts();
    const searchUsers: typeof userIndex.searchUsers = (request, options) => {
      asked.push([...request.vectors].map(round));
      return userIndex.searchUsers(request, options);
    };
    await found('U2U2I', { usersBy: 'search' }, {}, { ports: { embedder: { embed } }, userIndex: { searchUsers } });
    expect(asked).toEqual([[0.7071, 0.7071]]);
  });

  it('takes the items nearest to the similar users, all in one search', async () => {
    let calls = 0;
    const { userIndex } = tinyPorts();
    const searchByUsers: typeof userIndex.searchByUsers = (...call) => (calls++, userIndex.searchByUsers(...call));
    // v at (.6, .8): c 1, b .96; w at (0, 1): d (seen) 1, then c and e .8: the lower row. Evidence of v (.9) e^-.2, of w (.5) e^-1.
    const own = { itemsBy: 'search', itemsPerUser: 2 };
    const { items } = await found('U2U2I', own, {}, { userIndex: { searchByUsers } });
    expect(calls).toBe(1);
    expect(items).toEqual([
      ['c', round(Math.exp(-0.2) + 0.5 * Math.exp(-1)), 'v'],
      ['b', round(0.5 * Math.exp(-0.2)), 'v'],
    ]);
  });

  it('is empty, and says why, where nobody can search users; and fails where that was wanted', async () => {
    const searchUsers = () => Promise.reject(new MicError('NOT_FOUND', 'there is no user index here'));
    const { result } = await found('U2U2I', {}, { userId: 'x' }, { userIndex: { searchUsers } });
    expect(result.channels[1]).toMatchObject({ outcome: 'EMPTY' });
    expect(result.channels[1]!.message).toMatch(/cannot be searched for: there is no user index here/);
    expect(result.degraded).toBe(false);
    const wanted = await found('U2U2I', { usersBy: 'search' }, {}, { userIndex: { searchUsers } });
    expect(wanted.result.channels[1]).toMatchObject({ outcome: 'FAILED' });
  });
});

describe('U2I2I', () => {
  it('by search finds the items nearest to the recent ones, all in one search', async () => {
    let calls = 0;
    const { index } = tinyPorts();
    const search: typeof index.search = (...call) => (calls++, index.search(...call));
    // a: b .8, c .6; d: c .8, e .8. As the lists have them: b e^-.4, c e^-.8 + .5 e^-.4, e .5 e^-.4.
    const own = { itemsBy: 'search', similarItems: 2 };
    const { items } = await found('U2I2I', own, {}, { ports: { index: { search } } });
    expect(calls).toBe(1);
    expect(items).toEqual([
      ['c', round(Math.exp(-0.8) + 0.5 * Math.exp(-0.4)), 'a'],
      ['b', round(Math.exp(-0.4)), 'a'],
      ['e', round(0.5 * Math.exp(-0.4)), 'd'],
    ]);
  });

  it('searches for what a live item is similar to, which stands in no list', async () => {
    const liveItems = {
      revision: 1,
      newItems: [{ itemId: 'x', category: 'one' }],
      vectors: Float32Array.of(-1, 0),
      categories: new Map<number, string>(),
      hiddenIds: [],
    };
    // x at (-1, 0), met last: f 1, e .6; then a by its list: b .8, c .6.
    const inlineHistory = { ...history('x', 'a'), timesMs: Float64Array.of(3000, 2000) };
    const { items } = await found(
      'U2I2I',
      { similarItems: 2, triggers: 2 },
      { inlineHistory, userId: 'y' },
      { liveItems },
    );
    expect(items).toEqual([
      ['f', 1, 'x'],
      ['e', round(Math.exp(-0.8)), 'x'],
      ['b', round(0.5 * Math.exp(-0.4)), 'a'],
      ['c', round(0.5 * Math.exp(-0.8)), 'a'],
    ]);
    const only = await found('U2I2I', { similarItems: 1, triggers: 1 }, { inlineHistory, userId: 'y' }, { liveItems });
    expect(only.items).toEqual([['f', 1, 'x']]);
  });
});
