import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { importTable, type ImportTableOptions } from './import-table';
import { SpecFolder } from './spec-fixture';
import { SAMPLE_TABLE_SCHEMA, tableSchemaSchema } from './table-schema';

let folder: SpecFolder;
beforeEach(() => {
  folder = new SpecFolder();
});
afterEach(() => {
  folder.remove();
});

const COLUMNS = { user: 'user', item: 'item', timestamp: 'ts' };

/** Imports with a schema of these parts; events are read from `events.csv` in seconds unless they say otherwise. */
async function run(
  parts: { events?: object; users?: object; items?: object } = {},
  options: Partial<ImportTableOptions> = {},
) {
  const events = { files: 'events.csv', columns: COLUMNS, timestampUnit: 's', ...parts.events };
  const schemaFile = folder.write('schema.json', { name: 'spec', ...parts, events });
  const out = folder.path('out');
  const report = await importTable({ schemaFile, out, maxBadRows: 100, ...options });
  return { report, events: await folder.events(out) };
}

/** The error of an import. */
function failure(...args: Parameters<typeof run>): Promise<{ code: string; message: string; remedy: string }> {
  return run(...args).then(
    () => Promise.reject(new Error('the import went through')),
    (error: unknown) => error as { code: string; message: string; remedy: string },
  );
}

const TWO_EVENTS = [
  ['u1', 'i1', 1000, 1],
  ['u1', 'i2', 2000, 1],
];

describe('formats', () => {
  it.each([
    ['events.csv', 'user,item,ts\nu1,i1,1\nu1,i2,2\n', {}],
    ['events.csv', '\ufeffts,extra,user,item\r\n1,,u1,i1\r\n2,x,u1,i2\r\n', {}],
    ['events.tsv', 'user\titem\tts\nu1\ti1\t1\nu1\ti2\t2', {}],
    ['events.jsonl', '{"user":"u1","item":"i1","ts":1}\n\n{"ts":"2","item":"i2","user":"u1"}\n', {}],
    ['events.txt', 'user;item;ts\nu1;i1;1\nu1;i2;2\n', { format: 'csv', delimiter: ';' }],
    [
      'events.dat',
      '1::u1::i1\n2::u1::i2\n',
      { format: 'csv', delimiter: '::', header: false, columns: { user: 2, item: 3, timestamp: 1 } },
    ],
  ])('reads %s, plain and gzipped (%#)', async (name, text, events) => {
    folder.write(name, text);
    const plain = await run({ events: { files: name, ...events } });
    expect(plain.events).toEqual(TWO_EVENTS);
    expect(plain.report).toMatchObject({ events: 2, users: 1, items: 2, filtered: 0, duplicates: 0, bad: [] });
    folder.write(`${name}.gz`, gzipSync(text));
    expect((await run({ events: { files: `${name}.gz`, ...events } }, { force: true })).events).toEqual(TWO_EVENTS);
  });

  it('reads Parquet: numbers, timestamps, lists', async () => {
    await folder.sql(`COPY (SELECT 7123456789012345678 AS user, 'i' || n AS item, make_timestamp(n * 1000000) AS ts FROM range(1, 3) r(n))
      TO '${folder.path('events.parquet')}'`);
    await folder.sql(`COPY (SELECT 'i1' AS id, ['a', 'b'] AS tags, 1.5 AS price) TO '${folder.path('items.parquet')}'`);
    const fields = [
      { name: 'tags', type: 'multi' },
      { name: 'price', type: 'numeric' },
    ];
    const { events } = await run({
      events: { files: 'events.parquet', timestampUnit: 'iso' },
      items: { files: 'items.parquet', id: 'id', fields },
    });
    expect(events).toEqual([
      ['7123456789012345678', 'i1', 1000, 1],
      ['7123456789012345678', 'i2', 2000, 1],
    ]);
    expect(await folder.sql(`SELECT * FROM '${folder.path('out/items.parquet')}'`)).toEqual([
      { item_id: 'i1', tags: ['a', 'b'], price: 1.5 },
    ]);
  });

  it('reads JSON values as they are written', async () => {
    folder.write('events.jsonl', '{"user":7123456789012345678,"item":true,"ts":1.25}\n');
    folder.write('items.jsonl', '{"id":"x","tags":["a|b"," c ",null,""],"n":null}\n{"id":"y","tags":"d| e","n":"3"}\n');
    const fields = [
      { name: 'tags', type: 'multi' },
      { name: 'n', type: 'numeric' },
    ];
    const { events } = await run({
      events: { files: 'events.jsonl' },
      items: { files: 'items.jsonl', id: 'id', fields },
    });
    expect(events).toEqual([['7123456789012345678', 'true', 1250, 1]]);
    expect(await folder.sql(`SELECT * FROM '${folder.path('out/items.parquet')}'`)).toEqual([
      { item_id: 'x', tags: ['a|b', 'c'], n: null },
      { item_id: 'y', tags: ['d', 'e'], n: 3 },
    ]);
  });

  it('takes keys that some file of JSON lines has, and no others', async () => {
    folder.write('events.csv', 'user,item,ts\nu1,i1,1\n');
    folder.write('items-1.jsonl', '{"id":"x"}\n');
    folder.write('items-2.jsonl', '{"id":"y","n":2}\n');
    folder.write('items-3.jsonl', '{"key":"z","n":3}\n');
    const itemsOf = (files: string, name: string) => ({
      items: { files, id: 'id', fields: [{ name, type: 'numeric' }] },
    });
    await run(itemsOf('items-[12].jsonl', 'n'));
    expect(await folder.sql(`SELECT * FROM '${folder.path('out/items.parquet')}'`)).toEqual([
      { item_id: 'x', n: null },
      { item_id: 'y', n: 2 },
    ]);
    expect(await failure(itemsOf('items-[12].jsonl', 'm'), { force: true })).toMatchObject({
      message: 'items-1.jsonl, like the other files, has no column "m"',
      remedy: 'correct the schema file; the columns are "id"',
    });
    expect((await failure(itemsOf('items-*.jsonl', 'n'), { force: true })).message).toBe(
      'items-3.jsonl has no column "id"',
    );
  });

  it('reads lists of files and globs, a glob in order of the names', async () => {
    folder.write('part-2.csv', 'user,item,ts\nb,i,1\n');
    folder.write('part-1.csv', 'ts,user,item\n1,a,i\n');
    folder.write('more.csv', 'user,item,ts\nc,i,1\n');
    const { events } = await run({ events: { files: ['more.csv', 'part-*.csv'] } });
    expect(events.map(([user]) => user)).toEqual(['c', 'a', 'b']);
  });

  it('reads latin-1 when told to', async () => {
    folder.write('events.csv', Buffer.from('user,item,ts\nJos\xe9,i,1\n', 'latin1'));
    expect((await run({ events: { encoding: 'latin-1' } })).events[0]![0]).toBe('José');
  });
});

describe('order, weights, filters', () => {
  it('sorts by first appearance of the user, then time, then file order', async () => {
    folder.write('events.csv', 'user,item,ts\nb,1,9\na,2,5\nb,3,4\na,4,5\na,1,5\nb,5,9\n');
    const { events } = await run();
    expect(events.map(([user, item]) => user + item)).toEqual(['b3', 'b1', 'b5', 'a2', 'a4', 'a1']);
    expect(await folder.sql(`SELECT seq::INTEGER AS seq FROM '${folder.path('out/events.parquet')}'`)).toEqual(
      [0, 1, 2, 3, 4, 5].map((seq) => ({ seq })),
    );
  });

  it.each([
    ['s', '1700000000.29', 1_700_000_000_290],
    ['ms', '1700000000290', 1_700_000_000_290],
    ['us', '1700000000290999', 1_700_000_000_290],
    ['iso', '2023-11-14T22:13:20.290Z', 1_700_000_000_290],
    ['iso', '2023-11-15T00:13:20.290+02:00', 1_700_000_000_290],
    ['iso', '2023-11-14', 1_699_920_000_000],
  ])('reads timestamps in %s: %s', async (timestampUnit, text, timeMs) => {
    folder.write('events.csv', `user,item,ts\nu,i,${text}\n`);
    expect((await run({ events: { timestampUnit } })).events[0]![2]).toBe(timeMs);
  });

  it('keeps the order of microseconds within a millisecond', async () => {
    folder.write('events.csv', 'user,item,ts\nu,late,1000900\nu,early,1000100\n');
    const { events } = await run({ events: { timestampUnit: 'us' } });
    expect(events.map(([, item, time]) => [item, time])).toEqual([
      ['early', 1000],
      ['late', 1000],
    ]);
  });

  it('orders by position; a blank or negative one is bad', async () => {
    folder.write('events.csv', 'user,item,pos\nu,c,2\nu,a,0\nu,x,-1\nu,y,\nu,b,1\nu,z,1.5\n');
    const columns = { user: 'user', item: 'item', position: 'pos' };
    const { report, events } = await run({ events: { columns, timestampUnit: undefined } });
    expect(events.map(([, item, time]) => [item, time])).toEqual([
      ['a', 0],
      ['b', 1],
      ['c', 2],
    ]);
    expect(report.bad.map(({ reason, lines }) => [reason, lines])).toEqual([
      ['missing position', [5]],
      ['negative position', [4]],
      ['position is not a whole number', [7]],
    ]);
    expect(JSON.parse(readFileSync(folder.path('out/dataset.json'), 'utf8'))).toMatchObject({ order: 'position' });
  });

  it('reads weights, and counts ratings below the threshold as filtered', async () => {
    folder.write(
      'events.csv',
      'user,item,ts,stars,w\nu,a,1,4,0.5\nu,b,2,3.5,1\nu,c,3,5,2\nu,d,4,good,1\nu,e,5,,1\nu,f,6,5,0\nu,g,7,5,inf\n',
    );
    const { report, events } = await run({
      events: { columns: { ...COLUMNS, rating: 'stars', weight: 'w' }, minRating: 4 },
    });
    expect(events).toEqual([
      ['u', 'a', 1000, 0.5],
      ['u', 'c', 3000, 2],
    ]);
    expect(report).toMatchObject({ events: 2, filtered: 1, duplicates: 0 });
    expect(report.bad).toEqual([
      { table: 'events', file: 'events.csv', reason: 'missing rating', count: 1, lines: [6] },
      { table: 'events', file: 'events.csv', reason: 'unreadable rating', count: 1, lines: [5] },
      { table: 'events', file: 'events.csv', reason: 'unreadable weight', count: 1, lines: [8] },
      { table: 'events', file: 'events.csv', reason: 'weight is not above 0', count: 1, lines: [7] },
    ]);
  });

  it('keeps the first of events with the same user, item and time', async () => {
    folder.write('events.csv', 'user,item,ts,w\nu,a,1,3\nu,b,1,1\nu,a,1,9\nu,a,2,1\n');
    const { report, events } = await run({ events: { columns: { ...COLUMNS, weight: 'w' } } });
    expect(events).toEqual([
      ['u', 'a', 1000, 3],
      ['u', 'b', 1000, 1],
      ['u', 'a', 2000, 1],
    ]);
    expect(report.duplicates).toBe(1);
  });
});

describe('bad rows', () => {
  it('are counted by reason, with physical lines', async () => {
    const lines = [
      'user,item,ts',
      'u,i,1',
      '',
      '"two',
      'lines",i,1',
      ',i,1',
      'u, ,1',
      'u,i,',
      'u,i,soon',
      'u,i,-5',
      'u,i',
      'u,i,1,2',
      'u,"i"x,1',
      'u,"open,1',
      'u,i,99999999999999',
      'u,caf\xe9,1',
      'u,j,1',
      'u,\0,1',
    ];
    folder.write('events.csv', Buffer.from(lines.join('\r\n'), 'latin1'));
    const { report, events } = await run();
    expect(events.map(([user, item]) => [user, item])).toEqual([
      ['u', 'i'],
      ['u', 'j'],
      ['two\r\nlines', 'i'],
    ]);
    expect(report.bad.map(({ reason, count, lines: at }) => [reason, count, at])).toEqual([
      ['broken quoting', 2, [13, 14]],
      ['wrong number of columns', 2, [11, 12]],
      ['NUL byte', 1, [18]],
      ['missing item id', 1, [7]],
      ['missing timestamp', 1, [8]],
      ['missing user id', 1, [6]],
      ['negative timestamp', 1, [10]],
      ['not UTF-8 text', 1, [16]],
      ['timestamp after the year 9999: check timestampUnit', 1, [15]],
      ['unreadable timestamp', 1, [9]],
    ]);
    expect(JSON.parse(readFileSync(folder.path('out/dataset.json'), 'utf8'))).toMatchObject({
      skipped: { bad: report.bad },
    });
  });

  it('of JSON lines have their lines, too', async () => {
    folder.write(
      'events.jsonl',
      '{"user":"u","item":"i","ts":1}\n\n{"user":\n[1]\n{"user":null,"item":"i","ts":1}\n"x"\n',
    );
    const { report } = await run({ events: { files: 'events.jsonl' } });
    expect(report.bad.map(({ reason, lines }) => [reason, lines])).toEqual([
      ['not a JSON object', [4, 6]],
      ['malformed JSON', [3]],
      ['missing user id', [5]],
    ]);
  });

  it('are listed per file, the first 20 lines of each reason', async () => {
    folder.write('a.csv', `user,item,ts\nu,i,1\n${'u,i,x\n'.repeat(30)}`);
    folder.write('b.csv', 'user,item,ts\nu,j,1\nu,i,x\n');
    const { report } = await run({ events: { files: ['a.csv', 'b.csv'] } });
    expect(report.bad).toEqual([
      {
        table: 'events',
        file: 'a.csv',
        reason: 'unreadable timestamp',
        count: 30,
        lines: Array.from({ length: 20 }, (_, index) => index + 3),
      },
      { table: 'events', file: 'b.csv', reason: 'unreadable timestamp', count: 1, lines: [3] },
    ]);
  });

  it('of the users and items: a row without id goes, an unreadable number is left out', async () => {
    folder.write('events.csv', 'user,item,ts\nu1,i1,1\n');
    folder.write('users.csv', 'id,age,land\nu1, 30 ,\n,20,de\nu2,old, fr \nu3,,se\nu4,nan,se\n');
    const fields = [
      { name: 'age', type: 'numeric' },
      { name: 'country', column: 'land', type: 'categorical' },
    ];
    const { report } = await run({ users: { files: 'users.csv', id: 'id', fields } });
    expect(report).toMatchObject({ userRows: 4, itemRows: 0 });
    expect(report.bad.map(({ table, reason, lines }) => [table, reason, lines])).toEqual([
      ['users', '"age" is not a number: value left out', [4, 6]],
      ['users', 'missing id', [3]],
    ]);
    expect(await folder.sql(`SELECT * FROM '${folder.path('out/users.parquet')}'`)).toEqual([
      { user_id: 'u1', age: 30, country: null },
      { user_id: 'u2', age: null, country: 'fr' },
      { user_id: 'u3', age: null, country: 'se' },
      { user_id: 'u4', age: null, country: 'se' },
    ]);
  });

  it('of the users and items: fields may be named as what is noted of a row', async () => {
    folder.write('events.csv', 'user,item,ts\nu1,i1,1\n');
    folder.write('users.csv', 'id,file,line,ordinal,reason\nu1,a,b,9,c\n,d,e,5,f\nu2,g,h,1,\n');
    const fields = [
      { name: 'file', type: 'categorical' },
      { name: 'line', type: 'categorical' },
      { name: 'ordinal', type: 'numeric' },
      { name: 'reason', type: 'categorical' },
    ];
    const { report } = await run({ users: { files: 'users.csv', id: 'id', fields } });
    expect(report.bad.map(({ reason, lines }) => [reason, lines])).toEqual([['missing id', [3]]]);
    expect(await folder.sql(`SELECT * FROM '${folder.path('out/users.parquet')}'`)).toEqual([
      { user_id: 'u1', file: 'a', line: 'b', ordinal: 9, reason: 'c' },
      { user_id: 'u2', file: 'g', line: 'h', ordinal: 1, reason: null },
    ]);
  });

  it('above a tenth of the rows fail the import, which leaves nothing behind', async () => {
    folder.write(
      'events.csv',
      `user,item,ts\n${'u,i,x\n'.repeat(2)}${Array.from({ length: 17 }, (_, i) => `u,i,${i}\n`).join('')}`,
    );
    const error = await failure({}, { maxBadRows: undefined });
    expect(error).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: '2 of 19 rows of the events are bad: 2 x unreadable timestamp (events.csv, line 2, 3)',
    });
    expect(error.remedy).toContain('--max-bad-rows');
    expect(readdirSync(folder.dir).sort()).toEqual(['events.csv', 'schema.json']);
    expect((await run({}, { maxBadRows: 2 })).report.events).toBe(17);
    folder.write('events.csv', `user,item,ts\nu,i,x\n${Array.from({ length: 9 }, (_, i) => `u,i,${i}\n`).join('')}`);
    expect((await run({}, { maxBadRows: undefined, force: true })).report.events).toBe(9);
  });
});

describe('errors', () => {
  it.each([
    ['a missing file', {}, 'events.csv', null, 'there is no file events.csv', 'relative to the schema file'],
    ['an empty file', {}, 'events.csv', '', 'events.csv is empty: it has no rows', 'check how the file was made'],
    ['a file without rows', {}, 'events.csv', 'user,item,ts\n', 'events.csv is empty: it has no rows', 'check'],
    [
      'a missing column',
      {},
      'events.csv',
      'user,Item,ts\nu,i,1\n',
      'events.csv has no column "item"',
      'the columns are "user", "Item", "ts"',
    ],
    [
      'a column that comes twice',
      {},
      'events.csv',
      'user,item,item,ts\nu,i,i,1\n',
      'events.csv has two columns "item"',
      'rename',
    ],
    [
      'a missing key',
      {},
      'events.jsonl',
      '{"user":"u","Item":"i","ts":1}\n',
      'events.jsonl has no column "item"',
      '"Item", "ts", "user"',
    ],
    [
      'a number for a named column',
      { columns: { ...COLUMNS, user: 1 } },
      'events.csv',
      'user,item,ts\nu,i,1\n',
      'column 1 is given by number',
      '"header": false',
    ],
    [
      'a column number too high',
      { header: false, columns: { user: 1, item: 2, timestamp: 4 } },
      'events.csv',
      'u,i,1\n',
      'events.csv has no column 4',
      'here 1 to 3',
    ],
    [
      'an unknown extension',
      {},
      'events.log',
      'user,item,ts\nu,i,1\n',
      'the extension of events.log does not tell its format',
      'set "format"',
    ],
    [
      'a damaged gzip file',
      {},
      'events.csv.gz',
      gzipSync('user,item,ts\nu,i,1\n').subarray(0, 25),
      'cannot read events.csv.gz',
      'whole',
    ],
    ['a damaged Parquet file', {}, 'events.parquet', 'PAR1', 'events.parquet is not a readable Parquet file', 'whole'],
    [
      'no usable event',
      {},
      'events.csv',
      'user,item,ts\nu,i,x\n',
      'no usable event among 1 rows',
      'correct the mapping',
    ],
    [
      'a filter that leaves nothing',
      { columns: { ...COLUMNS, rating: 'ts' }, minRating: 5 },
      'events.csv',
      'user,item,ts\nu,i,1\n',
      'no usable event among 1 rows: 1 have a rating below 5',
      'lower "minRating"',
    ],
  ])('%s', async (_, events, file, content, message, remedy) => {
    if (content !== null) folder.write(file, content);
    const error = await failure({ events: { files: file, ...events } });
    expect(error.message).toContain(message);
    expect(error.remedy).toContain(remedy);
    expect(existsSync(folder.path('out'))).toBe(false);
  });

  it('an id that comes twice, with both places', async () => {
    folder.write('events.csv', 'user,item,ts\nu1,i1,1\n');
    folder.write('a.csv', 'id,kind\ni1,x\n"i\n2",y\ni3,x\n');
    folder.write('b.csv', 'id,kind\n\ni3,x\n');
    const items = { files: ['a.csv', 'b.csv'], id: 'id', fields: [{ name: 'kind', type: 'categorical' }] };
    expect((await failure({ items })).message).toBe('items: the id "i3" comes twice: a.csv line 5 and b.csv line 3');
  });

  it.each([
    [{ name: 'x', events: {} }, 'events.files: '],
    [
      { name: 'x', events: { files: 'a.csv', columns: COLUMNS, timestampUnit: 's' }, user: {} },
      'Unrecognized key: "user"',
    ],
    [
      { name: 'x', events: { files: 'a.csv', columns: COLUMNS } },
      'events.timestampUnit: "timestampUnit" (s, ms, us or iso)',
    ],
    [{ name: 'x', events: { files: 'a.csv', columns: { user: 'u', item: 'i' } } }, 'either "timestamp" or "position"'],
    [
      { name: 'x', events: { files: 'a.csv', columns: { ...COLUMNS, rating: 'r' }, timestampUnit: 's' } },
      'events.minRating: ',
    ],
    [
      {
        name: 'x',
        events: { files: 'a.csv', columns: COLUMNS, timestampUnit: 's' },
        items: { files: 'i.csv', id: 'id', fields: [{ name: 'a', type: 'categorical' }], category: 'b' },
      },
      'items.category: must name a categorical or multi field',
    ],
    [
      {
        name: 'x',
        events: { files: 'a.csv', columns: COLUMNS, timestampUnit: 's' },
        users: {
          files: 'i.csv',
          id: 'id',
          fields: [
            { name: 'a', type: 'numeric' },
            { name: 'A', type: 'numeric' },
          ],
        },
      },
      'users.fields: two fields have the same name',
    ],
  ])('a wrong schema file (%#)', async (schema, message) => {
    const schemaFile = folder.write('schema.json', schema);
    await expect(importTable({ schemaFile, out: folder.path('out') })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(message) as string,
      remedy: expect.stringContaining('--help') as string,
    });
  });

  it('a schema file that is missing or not JSON', async () => {
    const out = folder.path('out');
    await expect(importTable({ schemaFile: folder.path('no.json'), out })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const schemaFile = folder.write('schema.json', '{');
    await expect(importTable({ schemaFile, out })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describe('the output directory', () => {
  it('that is in use is refused, and replaced with force when it holds a dataset', async () => {
    folder.write('events.csv', 'user,item,ts\nu,i,1\n');
    await run();
    expect(await failure()).toMatchObject({
      code: 'ALREADY_EXISTS',
      remedy: expect.stringContaining('--force') as string,
    });
    folder.write('events.csv', 'user,item,ts\nu,i,1\nu,j,2\n');
    expect((await run({}, { force: true })).report.events).toBe(2);
    expect(readdirSync(folder.path('out')).sort()).toEqual([
      'dataset.json',
      'events.parquet',
      'items.parquet',
      'users.parquet',
    ]);
    expect(readdirSync(folder.dir).sort()).toEqual(['events.csv', 'out', 'schema.json']);
  });

  it('that holds anything else is not replaced, even with force', async () => {
    folder.write('events.csv', 'user,item,ts\nu,i,1\n');
    const error = await failure({}, { force: true, out: folder.dir });
    expect(error).toMatchObject({ code: 'ALREADY_EXISTS' });
    expect(existsSync(folder.path('events.csv'))).toBe(true);
  });

  it('is kept when a forced import fails', async () => {
    folder.write('events.csv', 'user,item,ts\nu,i,1\n');
    await run();
    folder.write('events.csv', '');
    await failure({}, { force: true });
    expect(await folder.events(folder.path('out'))).toHaveLength(1);
  });
});

it('the sample schema is a valid one', () => {
  expect(tableSchemaSchema.safeParse(SAMPLE_TABLE_SCHEMA).error).toBeUndefined();
});
