import { UpsertItemsRequest, type FieldValue } from '@mic/contracts';
import { describe, expect, it } from 'vitest';
import { fromItemFields, toItemFields } from './item-fields';
import { fromItems, toItemIds, toItems, type ItemWithFields } from './items';

const ITEMS: readonly ItemWithFields[] = [
  { itemId: 'film-1', fields: { genre: ['drama', 'ü'], title: '', year: -1.5, none: [] } },
  { itemId: '🙂'.repeat(64), fields: {} }, // 256 bytes
  { itemId: 'constructor', fields: { constructor: 'x', toString: 1 } },
];
const wide = 'ü'.repeat(128); // 256 bytes
const good = { itemId: 'good', fields: {} };
const numbered = (count: number) => Array.from({ length: count }, (_, i) => String(i));
const refusal = (call: () => unknown): unknown => {
  try {
    return call();
  } catch (error) {
    return error;
  }
};

describe('items', () => {
  it('survive the wire', () => {
    const bytes = UpsertItemsRequest.encode({ items: fromItems(ITEMS) }).finish();
    expect(toItems(UpsertItemsRequest.decode(bytes))).toEqual(ITEMS);
  });

  it('are taken up to every limit', () => {
    const fields = Object.fromEntries(
      Array.from({ length: 64 }, (_, i) => [wide.slice(0, 120) + String(10 + i), { text: wide }]),
    );
    const texts = { texts: { values: Array.from({ length: 64 }, () => wide) } };
    const items = [
      { itemId: wide, fields },
      { itemId: 'i', fields: { texts } },
    ];
    const rest = numbered(998).map((itemId) => ({ itemId, fields: {} }));
    expect(toItems({ items: [...items, ...rest] }).length).toBe(1_000);
  });

  it.each<[string, Record<string, FieldValue>, string, string]>([
    ['an empty name', { '': { text: 'a' } }, 'items[1].fields[""]', 'is empty'],
    ['a long name', { [`${wide}a`]: { text: 'a' } }, `items[1].fields["${'ü'.repeat(40)}..."]`, '257 bytes'],
    ['a long text', { genre: { text: `${wide}a` } }, 'items[1].fields["genre"]', '257 bytes'],
    ['a text that is not UTF-8', { genre: { text: '\ufffd' } }, 'items[1].fields["genre"]', 'not valid UTF-8'],
    ['no value', { genre: {} }, 'items[1].fields["genre"]', 'has no value'],
    ['two values', { genre: { text: '', number: 0 } }, 'items[1].fields["genre"]', 'more than one value'],
    ['NaN', { year: { number: NaN } }, 'items[1].fields["year"]', 'is NaN, a finite number'],
    ['infinity', { year: { number: -Infinity } }, 'items[1].fields["year"]', 'is -Infinity'],
    ['65 texts', { g: { texts: { values: numbered(65) } } }, 'items[1].fields["g"].texts', 'has 65 entries, 0 to 64'],
    ['an empty text', { g: { texts: { values: ['a', ''] } } }, 'items[1].fields["g"].texts[1]', 'is empty'],
    [
      'a long text of several',
      { g: { texts: { values: [`${wide}a`] } } },
      'items[1].fields["g"].texts[0]',
      '257 bytes',
    ],
    [
      '65 fields',
      Object.fromEntries(numbered(65).map((name) => [name, { number: 1 }])),
      'items[1].fields',
      'has 65 entries, 0 to 64',
    ],
  ])('are refused with %s', (_name, fields, subject, message) => {
    expect(refusal(() => toItems({ items: [good, { itemId: 'i', fields }] }))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      subject,
      message: expect.stringContaining(message),
      remedy: expect.any(String),
    });
  });

  it.each<[string, string[], string, string]>([
    ['none', [], '', 'has 0 entries, 1 to 1,000'],
    ['1,001', numbered(1_001), '', 'has 1,001 entries'],
    ['an empty id', ['a', ''], '[1]', 'is empty'],
    ['a long id', [`${wide}a`], '[0]', '257 bytes'],
    ['an id twice', ['a', 'b', 'a'], '[2]', '"a" is '],
  ])('and ids are refused: %s', (_name, itemIds, place, message) => {
    const told = { code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) };
    const items = itemIds.map((itemId) => ({ itemId, fields: {} }));
    expect(refusal(() => toItems({ items }))).toMatchObject({
      ...told,
      subject: place ? `items${place}.item_id` : 'items',
    });
    expect(refusal(() => toItemIds({ itemIds }))).toMatchObject({ ...told, subject: `item_ids${place}` });
  });

  it('named twice are told where they were first', () => {
    expect(() => toItemIds({ itemIds: ['a', 'b', 'a'] })).toThrow('item_ids[2] "a" is item_ids[0] already');
  });

  it('cannot have a field that sets the prototype of the map, however it came', () => {
    // items[0] = { item_id: "i", fields: { "__proto__": { text: "x" } } }
    const entry = Buffer.concat([
      Buffer.from('0a09', 'hex'),
      Buffer.from('__proto__'),
      Buffer.from('12030a0178', 'hex'),
    ]);
    const item = Buffer.concat([Buffer.from('0a016912', 'hex'), Buffer.from([entry.length]), entry]);
    const decoded = UpsertItemsRequest.decode(Buffer.concat([Buffer.from([0x0a, item.length]), item]));
    const json = JSON.parse('{"items":[{"itemId":"i","fields":{"__proto__":{"text":"x"}}}]}') as unknown;
    for (const request of [decoded, UpsertItemsRequest.fromJSON(json)]) {
      expect(refusal(() => toItems(request))).toMatchObject({
        code: 'INVALID_ARGUMENT',
        subject: 'items[0].fields["__proto__"]',
      });
    }
  });

  it('have fields that are checked under any name', () => {
    const fields = { genre: ['a'], age: 7 };
    expect(toItemFields('user_fields', fromItemFields(fields))).toEqual(fields);
    expect(() => toItemFields('user_fields', { age: {} })).toThrow('user_fields["age"] has no value');
  });
});
