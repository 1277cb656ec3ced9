import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { openDataset, type TableSchema } from '@mic/dataset';
import { toMicError } from '@mic/domain';
import { openStore } from '@mic/open-store';
import type { LiveItem } from '@mic/recall';

/** Items as a table that a dataset is extended by. */
export type ItemsTable = NonNullable<TableSchema['items']>;

/**
 * Writes the live items of a store as a table with the fields of a dataset's items: what callers have said of new items counts in
 * training. Items without a field say nothing that training could use.
 *
 * @param file to write, lines of JSON.
 * @param dataset whose item fields the table has.
 * @returns null where the store says nothing, or the dataset's items have no fields.
 */
export async function writeLiveItems(store: string, dataset: string, file: string): Promise<ItemsTable | null> {
  const opened = await openDataset(dataset);
  const { itemFields } = opened.info;
  await opened.close();
  if (itemFields.length === 0) return null;
  const items = await liveItemsOf(store);
  const names = itemFields.map(({ name }) => name);
  const lines = items.flatMap(({ itemId, fields }) => {
    const known = Object.entries(fields ?? {}).filter(([name]) => names.includes(name));
    return known.length === 0 ? [] : [JSON.stringify({ item_id: itemId, ...Object.fromEntries(known) })];
  });
  if (lines.length === 0) return null;
  // Every column is named once, so that one that no item has is there as well.
  const [first, ...others] = lines as [string, ...string[]];
  const whole = { ...Object.fromEntries(names.map((name) => [name, null])), ...(JSON.parse(first) as object) };
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, [JSON.stringify(whole), ...others, ''].join('\n'));
  const fields = itemFields.map((field): ItemsTable['fields'][number] =>
    field.type === 'multi' ? { ...field, separator: '|' } : field,
  );
  return { files: file, format: 'jsonl', quote: '"', header: true, encoding: 'utf-8', id: 'item_id', fields };
}

/** None where there is no store yet. */
async function liveItemsOf(address: string): Promise<readonly LiveItem[]> {
  const store = await openStore({ store: address, readOnly: true }).catch((error: unknown) => {
    if (toMicError(error).code === 'NOT_FOUND') return null;
    throw error;
  });
  if (store === null) return [];
  const { items } = await store.liveItems(null).finally(() => store.close());
  return items;
}
