import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { extendDataset, importTable, openDataset } from '@mic/dataset';
import { openStore } from '@mic/open-store';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeLiveItems } from './live-items-table';
import { additionsOf, eventsOf, newTables } from './new-data';

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

  it('is one file of items after the other: the later row of an id counts, in one file there is but one', async () => {
    await write('items-2.csv', 'i,kind,title,length\na,long,second,5\nb,long,second,5\n');
    await write('items-3.csv', 'i,kind,title,length\na,long,third,5\n');
    await write('events.csv', 'u,i,t\nann,b,7\n');
    const sources = { eventLog: null, schemaFile: at('schema.json') };
    const seen = (name: string) => ({ path: at(name), bytes: 1, changedMs: 1 });
    const found = { segments: [], files: [seen('items-3.csv'), seen('items-2.csv'), seen('events.csv')] };
    const additions = await additionsOf(sources, found);
    const report = await extendDataset({ base: at('base'), additions, out: at('next') });
    expect(report).toMatchObject({ newEvents: 1, bad: [] });
    expect(await itemsOf('a', 'b')).toEqual(['a third long', 'b second long']);
    const events = eventsOf(await newTables(sources.schemaFile, found.files));
    await write('events.json', JSON.stringify(events));
    expect(await importTable({ schemaFile: at('events.json'), out: at('of-events') })).toMatchObject({ events: 1 });

    await write('items-3.csv', 'i,kind,title,length\na,long,third,5\na,long,again,5\n');
    const twice = extendDataset({ base: at('base'), additions, out: at('again') });
    await expect(twice).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: /"a" comes twice/ });
  });

  it('is judged by its tables: a short file with a bad row beside a long one is left but for that row', async () => {
    const ids = Array.from({ length: 30 }, (_, i) => `new-${i}`);
    await write('items-2.csv', `i,kind,title,length\n${ids.map((id) => `${id},long,of two,5\n`).join('')}`);
    await write('items-3.csv', 'i,kind,title,length\n,long,nameless,5\nb,long,of three,5\n');
    const seen = (name: string) => ({ path: at(name), bytes: 1, changedMs: 1 });
    const sources = { eventLog: null, schemaFile: at('schema.json') };
    const found = { segments: [], files: [seen('items-2.csv'), seen('items-3.csv')] };
    const additions = await additionsOf(sources, found);
    expect(eventsOf(await newTables(sources.schemaFile, found.files))).toBeNull();
    const report = await extendDataset({ base: at('base'), additions, out: at('next') });
    expect(report).toMatchObject({ newEvents: 0, bad: [{ table: 'items', count: 1, reason: 'missing id' }] });
    expect(await itemsOf('a', 'b', 'new-29')).toEqual(['a A short', 'b of three long', 'new-29 of two long']);
  });
});
