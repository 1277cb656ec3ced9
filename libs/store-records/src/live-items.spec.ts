import type { ItemFields, LiveItem } from '@mic/recall';
import { describe, expect, it } from 'vitest';
import { decodeLiveItem, decodeLiveItems, knownRevision, liveItemRecords } from './live-items';

describe('records of live items', () => {
  it('are equal text for equal fields, whatever the order of their names, and other text for others', () => {
    const contentOf = (fields: ItemFields | null) => liveItemRecords([{ itemId: 'i', fields }])[0]!.content;
    expect(contentOf({ b: 1, a: ['x', 'y'] })).toBe('{"a":["x","y"],"b":1}');
    expect(contentOf({ a: ['x', 'y'], b: 1 })).toBe(contentOf({ b: 1, a: ['x', 'y'] }));
    const others: (ItemFields | null)[] = [
      null,
      {},
      { a: '' },
      { a: 1 },
      { a: '1' },
      { a: ['1'] },
      { a: [] },
      { a: ['y', 'x'] },
    ];
    expect(new Set(others.map(contentOf)).size).toBe(others.length);
  });

  it('give back what was said', () => {
    const items: LiveItem[] = [
      { itemId: 'a', fields: { genre: ['drama', 'ü"\u0000'], year: 0.1, text: '' } },
      { itemId: '', fields: {} },
      { itemId: 'hidden', fields: null },
    ];
    expect(liveItemRecords(items).map(decodeLiveItem)).toEqual(items);
  });

  it('are decoded in turns, all of them in order', async () => {
    let turns = 0;
    let isDecoding = true;
    const count = (): void => {
      turns++;
      if (isDecoding) setImmediate(count);
    };
    setImmediate(count);
    const items = await decodeLiveItems(1_001, (i) => ({ itemId: `i${i}`, content: `{"year":${i}}` }));
    isDecoding = false;
    expect(items).toEqual(Array.from({ length: 1_001 }, (_, i) => ({ itemId: `i${i}`, fields: { year: i } })));
    expect(turns).toBeGreaterThan(2);
    expect(await decodeLiveItems(0, () => ({ itemId: '', content: '' }))).toEqual([]);
  });

  it('are the last that was said of each item, in the place of that', () => {
    const of = (itemId: string, year: number) => ({ itemId, fields: { year } });
    expect(liveItemRecords([of('a', 1), of('b', 2), of('a', 3)]).map(decodeLiveItem)).toEqual([of('b', 2), of('a', 3)]);
  });

  it.each(['', '{', '1', '[]', '{"a":null}', '{"a":{}}', '{"a":[1]}', '{"a":true}'])('are none: %s', (content) => {
    const told = expect.objectContaining({ code: 'DATA_LOSS', message: expect.stringContaining('"i"') });
    expect(() => decodeLiveItem({ itemId: 'i', content })).toThrow(told);
  });
});

describe('what a reader knows', () => {
  const now = { revision: 5, epoch: '2' };
  it.each([
    [null, null],
    [{ revision: 0, epoch: '2' }, 0],
    [{ revision: 5, epoch: '2' }, 5],
    [{ revision: 5, epoch: '1' }, null],
    [{ revision: 6, epoch: '2' }, null],
  ])('of %o is known up to %s', (known, revision) => {
    expect(knownRevision(known, now)).toBe(revision);
  });
});
