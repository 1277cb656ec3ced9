import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ItemServiceService, RemoveItemsRequest, UpsertItemsRequest } from '@mic/contracts';
import { rejection, WAYS, type Caller } from './callers';
import { publicApi } from './harness';

type Items = Parameters<typeof UpsertItemsRequest.fromPartial>[0]['items'];

describe.each(WAYS)('ItemService %s', (_way, open) => {
  const api = publicApi();
  let caller: Caller;
  beforeAll(async () => {
    caller = await open(api.services);
  });
  afterAll(() => caller.close());

  const upsert = (items: Items, deadlineMs?: number) =>
    caller.call(ItemServiceService.upsertItems, UpsertItemsRequest.fromPartial({ items }), { deadlineMs });
  const remove = (itemIds: string[]) =>
    caller.call(ItemServiceService.removeItems, RemoveItemsRequest.fromPartial({ itemIds }));

  it('hands items on with their fields, and gives the revision', async () => {
    const fields = { year: { number: 1999 }, land: { text: 'at' }, genre: { texts: { values: ['drama', 'crime'] } } };
    expect(await upsert([{ itemId: 'a', fields }, { itemId: 'b' }])).toEqual({ revision: 2 });
    expect(api.items.said).toEqual([
      { itemId: 'a', fields: { year: 1999, land: 'at', genre: ['drama', 'crime'] } },
      { itemId: 'b', fields: {} },
    ]);
    expect(await remove(['a', 'c'])).toEqual({ revision: 4 });
    expect(api.items.said.slice(2)).toEqual([
      { itemId: 'a', fields: null },
      { itemId: 'c', fields: null },
    ]);
  });

  it('removes an item of any id that may be there', async () => {
    expect((await remove([' '])).revision).toBeGreaterThan(0);
  });

  it('takes 1,000 a call', async () => {
    const ids = Array.from({ length: 1_000 }, (_, i) => `item-${i}`);
    expect((await upsert(ids.map((itemId) => ({ itemId })))).revision).toBeGreaterThanOrEqual(1_000);
    expect((await remove(ids)).revision).toBeGreaterThanOrEqual(2_000);
  });

  const refusals: [string, NonNullable<Items>, string, string][] = [
    ['no item', [], 'items', 'has 0 entries, 1 to 1,000 are allowed'],
    ['1,001 items', Array.from({ length: 1_001 }, (_, i) => ({ itemId: `${i}` })), 'items', 'has 1,001 entries'],
    ['no id', [{ itemId: 'a' }, { itemId: '' }], 'items[1].item_id', 'is empty'],
    ['a blank id', [{ itemId: ' ' }], 'items[0].item_id', 'is blank'],
    ['an item twice', [{ itemId: 'a' }, { itemId: 'a' }], 'items[1].item_id', 'a'],
    ['a field without a value', [{ itemId: 'a', fields: { year: {} } }], 'items[0].fields["year"]', 'has no value'],
    ['no number', [{ itemId: 'a', fields: { year: { number: NaN } } }], 'items[0].fields["year"]', 'is NaN'],
  ];
  it.each(refusals)('INVALID_ARGUMENT: %s, and nothing is stored', async (_name, items, field, message) => {
    const before = api.items.said.length;
    const error = await rejection(upsert(items));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', subject: field });
    expect(error.message).toContain(message);
    expect(error.remedy).toBeTruthy();
    expect(api.items.said).toHaveLength(before);
  });

  it('INVALID_ARGUMENT: ids that cannot be removed', async () => {
    expect(await rejection(remove([]))).toMatchObject({ code: 'INVALID_ARGUMENT', subject: 'item_ids' });
    expect(await rejection(remove(['a', '']))).toMatchObject({ code: 'INVALID_ARGUMENT', subject: 'item_ids[1]' });
    expect(await rejection(remove(['a', 'a']))).toMatchObject({ code: 'INVALID_ARGUMENT', subject: 'item_ids[1]' });
  });

  it('RESOURCE_EXHAUSTED as the store says, DEADLINE_EXCEEDED when it does not answer', async () => {
    expect(await rejection(upsert([{ itemId: '!full' }]))).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      remedy: 'publish a release',
    });
    expect(await rejection(upsert([{ itemId: 'hang' }], 50))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });
});
