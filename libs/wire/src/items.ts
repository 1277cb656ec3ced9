import type { Item, RemoveItemsRequest, UpsertItemsRequest } from '@mic/contracts';
import type { ItemFields, LiveItem } from '@mic/recall';
import { checkCount, checkId, checkIdsOnce } from './checks';
import { fromItemFields, toItemFields } from './item-fields';
import { MAX_ITEMS_PER_CALL } from './limits';

/** A live item that is not hidden. */
export interface ItemWithFields extends LiveItem {
  readonly fields: ItemFields;
}

/** Checks the items of a call, all before any is stored. @throws MicError INVALID_ARGUMENT that names the field. */
export function toItems({ items }: Pick<UpsertItemsRequest, 'items'>): ItemWithFields[] {
  checkCount('items', items.length, 1, MAX_ITEMS_PER_CALL);
  const ids = items.map(({ itemId }) => itemId);
  checkIdsOnce(ids, (index) => `items[${index}].item_id`);
  return items.map(({ itemId, fields }, index) => ({
    itemId: checkId(`items[${index}].item_id`, itemId),
    fields: toItemFields(`items[${index}].fields`, fields),
  }));
}

/** Items as the protos have them. */
export function fromItems(items: readonly ItemWithFields[]): Item[] {
  return items.map(({ itemId, fields }) => ({ itemId, fields: fromItemFields(fields) }));
}

/** Checks the ids of a call, all before anything is hidden. @throws MicError INVALID_ARGUMENT that names the field. */
export function toItemIds({ itemIds }: Pick<RemoveItemsRequest, 'itemIds'>): string[] {
  checkCount('item_ids', itemIds.length, 1, MAX_ITEMS_PER_CALL);
  checkIdsOnce(itemIds, (index) => `item_ids[${index}]`);
  return itemIds;
}
