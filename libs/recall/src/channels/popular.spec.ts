import { MicError } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import { NO_LIVE_ITEMS } from '../items';
import type { RecallRequest, RecallResult } from '../recall-types';
import { recallTiny, type Setup } from '../testing/recall-tiny';
import { history, ITEMS } from '../testing/tiny-world';

/** Only popularity, with two favourite categories. */
const ALONE = { U2I: { enabled: false }, U2U2I: { enabled: false }, U2I2I: { enabled: false } };
const popularAlone = (request: Partial<RecallRequest> = {}, own: object = {}): Promise<RecallResult> =>
  recallTiny({ n: 6, ...request }, { profile: { channels: { ...ALONE, POPULAR: { enabled: true, ...own } } } });
const report = ({ channels }: RecallResult) => channels[3]!;
const ids = ({ items }: RecallResult) => items.map(({ itemId }) => itemId);

describe('POPULAR', () => {
  it('finds popular items of the favourite categories, then of all', async () => {
    // Seen a (category one) and d (two): shares 1 / 1.5 and .5 / 1.5. b is 5 of one's 6 events: 2/3 * 6/7; c the most popular of
    // two, 4 of 4... of d's 3 and its own 4: 1/3 * 5/5. Of all: e 2 / 7 - 1, f 1 / 7 - 1.
    const result = await popularAlone({}, { ageDecay: 0.5 });
    expect(report(result)).toMatchObject({ channel: 'POPULAR', outcome: 'OK', candidates: 4, message: '' });
    const sources = result.items.map(({ itemId, sources: [source] }) => [
      itemId,
      Math.round(source!.score * 1e4) / 1e4,
      source!.trigger,
    ]);
    expect(sources).toEqual([
      ['b', 0.5714, 'one'],
      ['c', 0.3333, 'two'],
      ['e', -0.7143, ''],
      ['f', -0.8571, ''],
    ]);
  });

  it('keeps to the number of favourite categories, and prefers the first where two are alike', async () => {
    const triggers = async (own: object) =>
      (await popularAlone({}, own)).items.map(({ sources: [source] }) => source!.trigger);
    expect(await triggers({ categories: 1, ageDecay: 0.5 })).toEqual(['one', '', '', '']);
    expect(await triggers({ categories: 1, ageDecay: 1 })).toEqual(['one', '', '', '']);
  });

  it('is not run where the others find enough', async () => {
    const result = await recallTiny({ n: 3 }, { profile: { channels: { POPULAR: { enabled: true } } } });
    expect(report(result)).toMatchObject({ outcome: 'DISABLED', message: 'not needed: the others found 3 items' });
    expect(result.degraded).toBe(false);
  });

  it('is run where they find too few, and where it always is', async () => {
    const profile = (own: object) => ({ channels: { POPULAR: { enabled: true, ...own } } });
    const few = await recallTiny({ n: 4 }, { profile: profile({}), ports: { index: { search: down } } });
    expect(report(few)).toMatchObject({ outcome: 'OK', candidates: 4 });
    expect(ids(few)).toHaveLength(4);
    const always = await recallTiny({ n: 1 }, { profile: profile({ when: 'always', quota: 2 }) });
    expect(report(always)).toMatchObject({ outcome: 'OK', candidates: 2 });
  });

  it('fills up where it has run with the others, and all together are too few', async () => {
    const profile = { channels: { POPULAR: { enabled: true, when: 'always', quota: 1 } } };
    const store = { similarUsersItems: down, similarItems: down };
    const few = await recallTiny({ n: 4 }, { profile, ports: { index: { search: down } }, store });
    expect(few.channels.map(({ outcome }) => outcome)).toEqual(['FAILED', 'FAILED', 'FAILED', 'OK']);
    expect(ids(few).sort()).toEqual(['b', 'c', 'e', 'f']);
    const pressed = await recallTiny({ n: 3, isPressed: true, inlineHistory: history('a') }, { profile });
    expect(pressed.channels.map(({ outcome }) => outcome)).toEqual(['SHED', 'SHED', 'SHED', 'OK']);
    expect(ids(pressed)).toHaveLength(3);
  });

  it('counts with its weight where it is run', async () => {
    const repetitions = async (own: object) => {
      const profile = { channels: { POPULAR: { enabled: true, when: 'always', ...own } } };
      const { items } = await recallTiny({ explain: true }, { profile });
      return items.map(({ itemId, parts }) => [itemId, Math.round(parts!.repetition * 100) / 100]);
    };
    // b: U2I, U2I2I and POPULAR of four; c: all four; e: all four.
    expect(await repetitions({})).toEqual([
      ['b', 0.75],
      ['c', 1],
      ['e', 1],
    ]);
    // 3 of 4, weighed as 1 + 1 + 3 of 6
    expect((await repetitions({ weight: 3 }))[0]).toEqual(['b', 0.83]);
  });

  it('answers where everything else is down', async () => {
    const setup: Setup = {
      profile: { channels: { POPULAR: { enabled: true } } },
      store: { userContext: down, similarUsersItems: down, similarItems: down, usersItems: down },
    };
    const result = await recallTiny({ n: 6 }, setup);
    expect(result.channels.map(({ outcome }) => outcome)).toEqual(['FAILED', 'FAILED', 'FAILED', 'OK']);
    expect(result).toMatchObject({ degraded: true, basicScore: 'CHANNEL_SIMILARITY' });
    expect(report(result).message).toMatch(/answered without the user's stored history/);
    expect(ids(result)).toEqual(ITEMS);
  });

  it('looks beyond the lists where they do not do', async () => {
    const catalogue = await popularAlone({
      inlineHistory: history('a', 'b', 'c'),
      categories: ['one', 'three', 'two'],
    });
    expect(ids(catalogue)).toEqual(['e']);
    const live = {
      revision: 1,
      newItems: [{ itemId: 'x', category: 'one' }],
      vectors: Float32Array.of(1, 0),
      categories: new Map<number, string>(),
      hiddenIds: ['b'],
    };
    const profile = { channels: { ...ALONE, POPULAR: { enabled: true } } };
    expect(ids(await recallTiny({ n: 6 }, { profile, liveItems: live })).sort()).toEqual(['c', 'e', 'f', 'x']);
  });

  it('goes by the category that an item has now', async () => {
    const liveItems = { ...NO_LIVE_ITEMS, revision: 1, categories: new Map([[1, 'three']]) };
    const profile = { channels: { ...ALONE, POPULAR: { enabled: true } } };
    const { items } = await recallTiny({ n: 6 }, { profile, liveItems });
    const triggers = Object.fromEntries(items.map(({ itemId, sources: [source] }) => [itemId, source!.trigger]));
    expect(triggers).toEqual({ b: '', c: 'two', e: '', f: '' });
  });
});

const down = (): Promise<never> => Promise.reject(new MicError('UNAVAILABLE', 'down'));
