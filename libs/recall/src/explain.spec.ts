import { describe, expect, it } from 'vitest';
import { NO_LIVE_ITEMS } from './items';
import { recallTiny } from './testing/recall-tiny';
import { history } from './testing/tiny-world';

const round = (value: number): number => Math.round(value * 1e4) / 1e4;

describe('an explained answer', () => {
  it('says for every source what led there, in words and with all triggers', async () => {
    const { items } = await recallTiny({ explain: true });
    const c = items.find(({ itemId }) => itemId === 'c')!;
    expect(c.sources.map(({ channel, because }) => [channel, because])).toEqual([
      ['U2I', "its vector is near the user's (similarity 0.60)"],
      ['U2U2I', 'user v, who is like this one, met it lately, and 1 more such users'],
      ['U2I2I', 'it is similar to a, which the user met lately, and to 1 more such items'],
    ]);
    const triggers = c.sources.map((source) => source.triggers!.map(({ id, evidence }) => [id, round(evidence)]));
    expect(triggers).toEqual([
      [],
      [
        ['v', 0.8187],
        ['w', 0.1839],
      ],
      [
        ['a', 0.4493],
        ['d', 0.3352],
      ],
    ]);
  });

  it('says of popular items whose they are', async () => {
    const profile = { channels: { POPULAR: { enabled: true, when: 'always' } } };
    const { items } = await recallTiny({ explain: true }, { profile });
    const words = Object.fromEntries(items.map(({ itemId, sources }) => [itemId, sources.at(-1)!.because]));
    expect(words).toEqual({
      b: 'it is popular in "one", which the user likes',
      c: 'it is popular in "two", which the user likes',
      e: 'it is popular',
    });
  });

  it('lists what was left out, and why', async () => {
    const request = { n: 1, explain: true, excludeItemIds: ['e'], inlineHistory: history('a') };
    const profile = { channels: { U2U2I: { quota: 1 }, U2I: { quota: 1 } } };
    const liveItems = { ...NO_LIVE_ITEMS, hiddenIds: ['b'] };
    const { items, dropped } = await recallTiny(request, { profile, liveItems });
    expect(items.map(({ itemId }) => itemId)).toEqual(['c']);
    const told = dropped.map(({ itemId, reason, channels }) => [itemId, reason, [...channels].sort()]);
    expect(told).toEqual(
      expect.arrayContaining([
        ['a', 'SEEN', ['U2I', 'U2U2I']],
        ['b', 'HIDDEN', ['U2I', 'U2I2I']],
        ['d', 'SEEN', ['U2I']],
        ['e', 'EXCLUDED', ['U2I', 'U2I2I', 'U2U2I']],
      ]),
    );
  });

  it('names what came behind n with its score, and what a quota cut', async () => {
    const { dropped } = await recallTiny({ n: 1, explain: true });
    expect(dropped.filter(({ reason }) => reason === 'RANK')).toEqual([
      { itemId: 'c', reason: 'RANK', channels: ['U2I', 'U2U2I', 'U2I2I'], score: expect.closeTo(1.2392, 3) as number },
      { itemId: 'e', reason: 'RANK', channels: ['U2U2I', 'U2I2I'], score: expect.closeTo(-0.8685, 3) as number },
    ]);
    const profile = { channels: { U2U2I: { quota: 1 }, U2I2I: { enabled: false } } };
    const cut = await recallTiny({ n: 1, explain: true }, { profile });
    expect(cut.dropped).toContainEqual({ itemId: 'e', reason: 'QUOTA', channels: ['U2U2I'] });
    const filtered = await recallTiny({ n: 1, explain: true, categories: ['two'] });
    expect(filtered.dropped).toContainEqual({ itemId: 'e', reason: 'FILTERED', channels: ['U2U2I', 'U2I2I'] });
  });

  it('is the same answer as without', async () => {
    const bare = ({ items }: Awaited<ReturnType<typeof recallTiny>>) =>
      items.map(({ itemId, score }) => [itemId, score]);
    expect(bare(await recallTiny({ explain: true }))).toEqual(bare(await recallTiny()));
    expect((await recallTiny()).dropped).toEqual([]);
  });
});
