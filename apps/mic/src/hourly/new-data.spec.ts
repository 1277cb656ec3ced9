import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { extendDataset, importTable, openDataset } from '@mic/dataset';
import { openStore } from '@mic/open-store';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeLiveItems } from './live-items-table';
import { additionsOf } from './new-data';

const FIELDS = [
  { name: 'kind', type: 'categorical' },
  { name: 'title', type: 'text' },
  { name: 'length', type: 'numeric' },
];
const SCHEMA = {
  name: 'base',
  events: { files: 'events.csv', columns: { user: 'u', item: 'i', timestamp: 't' }, timestampUnit: 'ms' },
  items: { files: 'items-*.csv', id: 'i', fields: FIELDS, category: 'kind' },
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mic-new-data-'));
  await write('events.csv', 'u,i,t\nann,a,1\nbob,b,2\n');
  await write('items-1.csv', 'i,kind,title,length\na,short,A,3\nb,short,B,4\n');
  await write('schema.json', JSON.stringify(SCHEMA));
  await importTable({ schemaFile: at('schema.json'), out: at('base') });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, name);
const write = (name: string, text: string): Promise<void> => writeFile(at(name), text);

/** Titles and categories of items of the dataset at `next`. */
async function itemsOf(...itemIds: string[]): Promise<string[]> {
  const next = await openDataset(at('next'));
  const titles = await next.loadItemTitles(itemIds);
  const { names, categories } = await next.loadItemCategories(await next.buildFeatureSchema(), itemIds);
  await next.close();
  return itemIds.map((itemId, i) => `${itemId} ${titles[i]} ${names[categories[i]!]}`);
}

describe('what a dataset is extended by', () => {
  it('is of a live item the fields that were said, whatever else is wrong with it', async () => {
    await mkdir(at('events'));
    await write('events/one.jsonl', '{"user_id":"ann","item_id":"new","time_ms":5,"weight":1}\n');
    const store = await openStore({ store: at('store') });
    await store.writeLiveItems([
      { itemId: 'a', fields: { kind: ['long'] } },
      { itemId: 'b', fields: { length: ['unknown'] } },
      { itemId: 'new', fields: { kind: ['long'], length: ['unknown'] } },
    ]);
    await store.close();
    const liveItems = await writeLiveItems(at('store'), at('base'), at('live-items.jsonl'));
    const sources = { eventLog: at('events'), schemaFile: null };
    const additions = await additionsOf(sources, { segments: ['one.jsonl'], files: [] }, liveItems);
    const report = await extendDataset({ base: at('base'), additions, out: at('next') });
    expect(report).toMatchObject({ newEvents: 1, newItems: 1, bad: [{ table: 'items', count: 2 }] });
    expect(await itemsOf('a', 'b', 'new')).toEqual(['a A long', 'b B short', 'new  long']);
  });
});
