import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDataset } from './dataset';
import { extendDataset, type Addition } from './extend-dataset';
import { importTable } from './import-table';
import { SpecFolder } from './spec-fixture';
import { tableSchemaSchema } from './table-schema';

const DAY_MS = 86_400_000;
const USERS = { files: 'users.csv', id: 'user', fields: [{ name: 'country', type: 'categorical' }] };
const ITEMS = { files: 'items.csv', id: 'item', fields: [{ name: 'kind', type: 'categorical' }], category: 'kind' };
const EVENTS = {
  files: 'events.csv',
  columns: { user: 'user', item: 'item', timestamp: 'ts', weight: 'w' },
  timestampUnit: 'ms',
};

let folder: SpecFolder;
beforeEach(async () => {
  folder = new SpecFolder();
  folder.write('events.csv', 'user,item,ts,w\nu2,i1,10,1\nu1,i1,20,1\nu1,i2,30,2\n');
  folder.write('users.csv', 'user,country\nu1,no\nu2,se\n');
  folder.write('items.csv', 'item,kind\ni1,a\ni2,b\n');
  const schema = { name: 'base', events: EVENTS, users: USERS, items: ITEMS };
  await importTable({ schemaFile: folder.write('schema.json', schema), out: folder.path('base') });
});
afterEach(() => {
  folder.remove();
});

/** Tables in files of a prefix. */
function addition(
  prefix: string,
  text: string,
  more: { users?: string; items?: string } & Partial<Addition> = {},
): Addition {
  const { users, items, ...options } = more;
  const at = (name: string, body: string): string => {
    folder.write(`${prefix}-${name}.csv`, body);
    return `${prefix}-${name}.csv`;
  };
  const schema = tableSchemaSchema.parse({
    name: prefix,
    events: { ...EVENTS, files: at('events', `user,item,ts,w\n${text}`) },
    ...(users !== undefined && { users: { ...USERS, files: at('users', `user,country\n${users}`) } }),
    ...(items !== undefined && { items: { ...ITEMS, files: at('items', `item,kind\n${items}`) } }),
  });
  return { schema, baseDir: folder.path(''), ...options };
}

const extend = (additions: Addition[], windowMs?: number) =>
  extendDataset({ base: folder.path('base'), additions, windowMs, out: folder.path('next') });

describe('extendDataset', () => {
  it('puts new events in their places, new users behind the known ones, and leaves repeated events out', async () => {
    const one = addition('one', 'u3,i3,5,1\nu1,i2,30,7\nu1,i3,25,3\nu1,i3,25,4\n');
    const two = addition('two', 'u1,i3,25,9\nu2,i2,40,1\n');
    expect(await extend([one, two])).toMatchObject({
      events: 6,
      users: 3,
      items: 3,
      newEvents: 3,
      newUsers: 1,
      newItems: 1,
      duplicates: 3,
      expired: 0,
      bad: [],
    });
    expect(await folder.events(folder.path('next'))).toEqual([
      ['u2', 'i1', 10, 1],
      ['u2', 'i2', 40, 1],
      ['u1', 'i1', 20, 1],
      ['u1', 'i3', 25, 3],
      ['u1', 'i2', 30, 2],
      ['u3', 'i3', 5, 1],
    ]);
    expect((await folder.events(folder.path('base'))).length).toBe(3);
  });

  it('takes rows of JSON lines none of which has a field', async () => {
    const one = addition('one', 'u3,i1,50,1\n');
    folder.write('more.jsonl', '{"user":"u1"}\n{"user":"u3"}\n');
    const users = tableSchemaSchema.parse({ ...one.schema, users: { ...USERS, files: 'more.jsonl' } });
    await extend([{ ...one, schema: users }]);
    expect(await folder.sql(`SELECT * FROM '${folder.path('next/users.parquet')}' ORDER BY user_id`)).toEqual([
      { user_id: 'u1', country: null },
      { user_id: 'u2', country: 'se' },
      { user_id: 'u3', country: null },
    ]);
  });

  it('takes the newer row of a user or an item, and keeps the others', async () => {
    const one = addition('one', 'u3,i3,50,1\n', { users: 'u1,fi\nu3,dk\n', items: 'i3,c\n' });
    await extend([one, addition('two', 'u3,i1,60,1\n', { users: 'u3,is\n' })]);
    const next = await openDataset(folder.path('next'));
    const schema = await next.buildFeatureSchema();
    const decode = (codes: Int32Array): (string | undefined)[] => {
      const field = schema.userFields[0]!;
      return Array.from(codes, (code) => (field.type === 'categorical' ? field.vocabulary[code - 1] : undefined));
    };
    expect(decode(await next.loadUserProfiles(schema, ['u1', 'u2', 'u3', 'u4']))).toEqual([
      'fi',
      'se',
      'is',
      undefined,
    ]);
    const { names, categories } = await next.loadItemCategories(schema, ['i1', 'i2', 'i3']);
    expect(Array.from(categories, (code) => names[code])).toEqual(['a', 'b', 'c']);
    await next.close();
  });

  it('keeps the fields that a partial row does not say', async () => {
    const fields = [
      { name: 'kind', type: 'categorical' },
      { name: 'tags', type: 'multi' },
      { name: 'length', type: 'numeric' },
    ];
    const items = { files: 'items.csv', id: 'item', fields };
    folder.write('items.csv', 'item,kind,tags,length\ni1,a,x|y,3\ni2,b,z,4\n');
    const schemaFile = folder.write('schema.json', { name: 'base', events: EVENTS, items });
    await importTable({ schemaFile, out: folder.path('base'), force: true });
    folder.write('some.csv', 'item,kind,tags,length\ni1,c,,\ni3,,w,\ni2,,,long\n');
    const { schema, baseDir } = addition('one', '');
    const some = tableSchemaSchema.parse({ ...schema, items: { ...items, files: 'some.csv' } });
    const rows = { schema: { ...some, events: { ...some.events, files: [] } }, baseDir, maxBadRows: Infinity };
    await extend([{ ...rows, rowsArePartial: true }]);
    const table = join(folder.path('next'), 'items.parquet');
    expect(
      await folder.sql(
        `SELECT item_id, kind, list_aggregate(tags, 'string_agg', '|') AS tags, length FROM read_parquet('${table}') ORDER BY ALL`,
      ),
    ).toEqual([
      { item_id: 'i1', kind: 'c', tags: 'x|y', length: 3 },
      { item_id: 'i2', kind: 'b', tags: 'z', length: 4 },
      { item_id: 'i3', kind: null, tags: 'w', length: null },
    ]);
  });

  it('leaves out what is older than the window before the newest event', async () => {
    const report = await extend([addition('one', `u1,i1,${DAY_MS + 20},1\n`)], DAY_MS);
    expect(report).toMatchObject({ events: 3, newEvents: 1, expired: 1 });
    expect((await folder.events(folder.path('next'))).map(([, , time]) => time)).toEqual([20, 30, DAY_MS + 20]);
  });

  it('does not take the others for old because of one event in the future', async () => {
    const nowMs = DAY_MS + 30;
    const additions = [addition('one', `u1,i1,${Date.UTC(9999, 11, 31)},1\n`)];
    const base = folder.path('base');
    const report = await extendDataset({ base, additions, windowMs: DAY_MS, nowMs, out: folder.path('next') });
    expect(report).toMatchObject({ events: 2, newEvents: 1, expired: 2 });
    expect((await folder.events(folder.path('next'))).map(([, , time]) => time)).toEqual([30, Date.UTC(9999, 11, 31)]);
  });

  it('is the import of all at once, whatever came when', async () => {
    const late = addition('late', 'u1,i1,15,1\nu9,i9,1,1\n');
    await extend([late]);
    folder.write('events.csv', 'user,item,ts,w\nu2,i1,10,1\nu1,i1,20,1\nu1,i2,30,2\nu1,i1,15,1\nu9,i9,1,1\n');
    await importTable({ schemaFile: folder.path('schema.json'), out: folder.path('whole') });
    expect(await folder.events(folder.path('next'))).toEqual(await folder.events(folder.path('whole')));
    const info = (dir: string) => JSON.parse(readFileSync(folder.path(`${dir}/dataset.json`), 'utf8')) as object;
    expect(info('next')).toEqual(info('whole'));
  });

  it('takes an addition of users and items alone', async () => {
    const { schema, baseDir } = addition('one', '', { items: 'i1,c\n' });
    const report = await extend([{ schema: { ...schema, events: { ...schema.events, files: [] } }, baseDir }]);
    expect(report).toMatchObject({ events: 3, newEvents: 0, bad: [] });
    const next = await openDataset(folder.path('next'));
    const { names, categories } = await next.loadItemCategories(await next.buildFeatureSchema(), ['i1', 'i2']);
    expect(Array.from(categories, (code) => names[code])).toEqual(['c', 'b']);
    await next.close();
  });

  it('keeps the order of events of one time, whatever number of files of users and items came before', async () => {
    const catalogue = Array.from({ length: 40 }, (_, i) => {
      const { schema, baseDir } = addition(`c${i}`, '', { items: `i1,k${i}\n` });
      return { schema: { ...schema, events: { ...schema.events, files: [] } }, baseDir };
    });
    const ids = Array.from({ length: 16 }, (_, i) => `x${(i * 7) % 16}`);
    await extend([...catalogue, addition('e', ids.map((id) => `u9,${id},50,1\n`).join(''))]);
    const events = (await folder.events(folder.path('next'))).filter(([user]) => user === 'u9');
    expect(events.map(([, item]) => item)).toEqual(ids);
  });

  it('takes an addition without a usable event where that is fine', async () => {
    const torn = addition('torn', 'u1,,,\n', { maxBadRows: 1 });
    await expect(extend([torn])).rejects.toMatchObject({ code: 'FAILED_PRECONDITION', subject: 'events' });
    expect(await extend([{ ...torn, mayBeEmpty: true }])).toMatchObject({ events: 3, newEvents: 0 });
  });

  it('refuses other fields, another order, bad rows, and a base that is none, and leaves nothing behind', async () => {
    const events = 'u1,i1,50,1\n';
    const other = addition('other', events, { users: 'u1,no\n' });
    const age = { ...other, schema: tableSchemaSchema.parse({ ...other.schema, users: { ...USERS, fields: [{ name: 'age', type: 'numeric' }] } }) }; // prettier-ignore
    await expect(extend([age])).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('users are age (numeric), those of base are country (categorical)'),
    });
    const columns = { user: 'user', item: 'item', position: 'ts' };
    const schema = tableSchemaSchema.parse({ name: 'p', events: { files: 'events.csv', columns } });
    await expect(extend([{ schema, baseDir: folder.path('') }])).rejects.toMatchObject({
      message: expect.stringContaining('have a position, those of base a timestamp'),
    });
    const bad = extend([addition('bad', 'u1,i1,soon,1\nu1,i1,60,1\n')]);
    await expect(bad).rejects.toMatchObject({ message: expect.stringContaining('bad-events.csv, line 2') });
    const nothing = extendDataset({ base: folder.path('no'), additions: [], out: folder.path('next') });
    await expect(nothing).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await extend([addition('good', events)])).toMatchObject({ newEvents: 1 });
    await expect(extend([])).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  });
});
