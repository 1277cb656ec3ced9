import { rmSync, writeFileSync } from 'node:fs';
import { hashIds } from '@mic/domain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDataset, type Dataset } from './dataset';
import { importTable } from './import-table';
import { SpecFolder } from './spec-fixture';

let folder: SpecFolder;
let dataset: Dataset;

beforeAll(async () => {
  folder = new SpecFolder();
  folder.write('events.csv', 'user,item,ts,w\nb,x,5,2\na,y,3,1\nb,z,4,1\na,x,9,1\nb,y,9,0.5\nc,w,1,1\n');
  folder.write('users.csv', 'id,age,country\na,20,de\nb,30,fr\nd,40,de\ne,50,\nf,20,se\n');
  folder.write(
    'items.jsonl',
    '{"id":"x","tags":["q","p"],"name":" An x "}\n{"id":"y","tags":["p","r","p"]}\n{"id":"z","tags":[]}\n{"id":"v","tags":["s"]}\n',
  );
  const schemaFile = folder.write('schema.json', {
    name: 'spec',
    events: {
      files: 'events.csv',
      columns: { user: 'user', item: 'item', timestamp: 'ts', weight: 'w' },
      timestampUnit: 'ms',
    },
    users: {
      files: 'users.csv',
      id: 'id',
      fields: [
        { name: 'country', type: 'categorical' },
        { name: 'age', type: 'numeric', buckets: 4 },
      ],
    },
    items: {
      files: 'items.jsonl',
      id: 'id',
      fields: [
        { name: 'tags', type: 'multi' },
        { name: 'title', column: 'name', type: 'text' },
      ],
      category: 'tags',
    },
  });
  await importTable({ schemaFile, out: folder.path('data') });
  dataset = await openDataset(folder.path('data'));
});
afterAll(async () => {
  await dataset.close();
  folder.remove();
});

describe('streamHistories', () => {
  /** Every user's items with times and weights, newest first, in the order of the portions. */
  async function all(maxPerUser: number, eventsAtOnce?: number) {
    const names = ['v', 'w', 'x', 'y', 'z'];
    const hashes = hashIds(names);
    const users: [userId: string, events: [item: string, timeMs: number, weight: number][]][] = [];
    let leftOut = 0;
    for await (const part of dataset.streamHistories({ maxPerUser, eventsAtOnce })) {
      leftOut += part.leftOut;
      part.userIds.forEach((userId, user) => {
        const events: [string, number, number][] = [];
        for (let event = part.offsets[user]!; event < part.offsets[user + 1]!; event++) {
          const item = names.findIndex(
            (_, i) =>
              hashes[2 * i] === part.itemHashes[2 * event] && hashes[2 * i + 1] === part.itemHashes[2 * event + 1],
          );
          events.push([names[item]!, part.timesMs[event]!, part.weights[event]!]);
        }
        users.push([userId, events]);
      });
    }
    return { users, leftOut };
  }
  const USERS = [
    [
      'b',
      [
        ['y', 9, 0.5],
        ['x', 5, 2],
        ['z', 4, 1],
      ],
    ],
    [
      'a',
      [
        ['x', 9, 1],
        ['y', 3, 1],
      ],
    ],
    ['c', [['w', 1, 1]]],
  ];

  it.each([1, 2, 3, 4, 5, 6, 100])(
    'gives each user once, newest event first, from slices of %i events',
    async (size) => {
      expect(await all(10, size)).toEqual({ users: USERS, leftOut: 0 });
    },
  );

  it.each([1, 2, 4, undefined])('keeps the newest events of each, from slices of %s events', async (size) => {
    expect(await all(1, size)).toEqual({
      users: [
        ['b', [['y', 9, 0.5]]],
        ['a', [['x', 9, 1]]],
        ['c', [['w', 1, 1]]],
      ],
      leftOut: 3,
    });
  });

  it('can be left early, and begun again', async () => {
    for await (const { userIds } of dataset.streamHistories({ maxPerUser: 9, eventsAtOnce: 1 })) {
      expect(userIds).toEqual(['b']);
      break;
    }
    expect(await all(10)).toEqual({ users: USERS, leftOut: 0 });
  });
});

describe('loadInteractions', () => {
  it('gives users by first appearance, oldest event first', async () => {
    const { userIds, itemIds, histories } = await dataset.loadInteractions();
    expect(userIds).toEqual(['b', 'a', 'c']);
    // Sorted events: b z4 x5 y9, a y3 x9, c w1.
    expect(itemIds).toEqual(['z', 'x', 'y', 'w']);
    expect(histories).toMatchObject({ userCount: 3, itemCount: 4 });
    expect([...histories.offsets]).toEqual([0, 3, 5, 6]);
    expect([...histories.itemRows]).toEqual([0, 1, 2, 2, 1, 3]);
    expect([...histories.timesMs]).toEqual([4, 5, 9, 3, 9, 1]);
    expect([...histories.weights]).toEqual([1, 2, 0.5, 1, 1, 1]);
  });

  it('keeps the newest events of each user, and the items they name', async () => {
    const { userIds, itemIds, histories } = await dataset.loadInteractions({ maxPerUser: 1 });
    expect(userIds).toEqual(['b', 'a', 'c']);
    expect(itemIds).toEqual(['y', 'x', 'w']);
    expect([...histories.offsets]).toEqual([0, 1, 2, 3]);
    expect([...histories.timesMs]).toEqual([9, 9, 1]);
  });
});

describe('buildFeatureSchema', () => {
  it('orders vocabularies by count, then value, and finds quantile boundaries', async () => {
    expect(await dataset.buildFeatureSchema()).toEqual({
      userFields: [
        { name: 'country', type: 'categorical', vocabulary: ['de', 'fr', 'se'] },
        // Ages 20 20 30 40 50: quartiles 20, 30, 40; nothing lies below 20.
        { name: 'age', type: 'numeric', boundaries: [30, 40] },
      ],
      itemFields: [{ name: 'tags', type: 'multi', vocabulary: ['p', 'q', 'r', 's'], width: 2 }],
      categoryField: 'tags',
    });
  });

  it('cuts vocabularies and widths', async () => {
    const schema = await dataset.buildFeatureSchema({ maxVocabulary: 1, minCount: 2, maxMultiWidth: 1 });
    expect(schema.userFields[0]).toMatchObject({ vocabulary: ['de'] });
    expect(schema.itemFields[0]).toMatchObject({ vocabulary: ['p'], width: 1 });
  });
});

describe('fields', () => {
  it('are encoded in the order of the ids, 0 where there are none', async () => {
    const schema = await dataset.buildFeatureSchema();
    expect([...(await dataset.loadUserProfiles(schema, ['b', 'a', 'c', 'e']))]).toEqual([2, 2, 1, 1, 0, 0, 0, 3]);
    expect([...(await dataset.loadItemFields(schema, ['z', 'x', 'y', 'w']))]).toEqual([0, 0, 2, 1, 1, 3, 0, 0]);
    expect(await dataset.loadItemCategories(schema, ['z', 'y', 'x', 'w'])).toEqual({
      names: ['', 'p', 'q'],
      categories: Uint32Array.of(0, 1, 2, 0),
    });
  });

  it('may be none', async () => {
    const empty = { userFields: [], itemFields: [], categoryField: null };
    expect(await dataset.loadUserProfiles(empty, ['a'])).toEqual(new Int32Array(0));
    expect(await dataset.loadItemCategories(empty, ['x'])).toEqual({ names: [''], categories: Uint32Array.of(0) });
  });

  it('of another dataset are refused', async () => {
    const other = {
      userFields: [{ name: 'job', type: 'categorical' as const, vocabulary: [] }],
      itemFields: [],
      categoryField: 'kind',
    };
    await expect(dataset.loadUserProfiles(other, [])).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      remedy: expect.stringContaining('country, age') as string,
    });
    await expect(dataset.loadItemCategories(other, [])).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    const retyped = { ...other, userFields: [{ name: 'age', type: 'categorical' as const, vocabulary: [] }] };
    await expect(dataset.loadUserProfiles(retyped, [])).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
  });
});

it('titles are for people: loaded by id, and no feature', async () => {
  expect(await dataset.loadItemTitles(['z', 'x', 'nowhere'])).toEqual(['', 'An x', '']);
  expect((await dataset.buildFeatureSchema()).itemFields.map(({ name }) => name)).toEqual(['tags']);
});

it('sample shows the span and a few rows', async () => {
  expect(await dataset.sample(1)).toEqual({
    firstTimeMs: 1,
    lastTimeMs: 9,
    medianEventsPerUser: 2,
    mostEventsPerUser: 3,
    mostEventsPerItem: 2,
    events: [{ user_id: 'b', item_id: 'z', time_ms: 4, weight: 1 }],
    users: [{ user_id: 'a', country: 'de', age: 20 }],
    items: [{ item_id: 'x', tags: ['q', 'p'], title: 'An x' }],
  });
});

describe('openDataset', () => {
  it('refuses what is not a whole dataset', async () => {
    await expect(openDataset(folder.dir)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const schemaFile = folder.path('schema.json');
    const broken = folder.path('broken');
    const damages: [() => void, string][] = [
      [() => rmSync(`${broken}/items.parquet`), 'items.parquet is missing'],
      [() => writeFileSync(`${broken}/users.parquet`, 'PAR1'), 'users.parquet is not readable'],
      [() => writeFileSync(`${broken}/dataset.json`, '{}'), 'dataset.json is not a dataset description'],
    ];
    for (const [damage, message] of damages) {
      await importTable({ schemaFile, out: broken, force: true });
      damage();
      await expect(openDataset(broken)).rejects.toMatchObject({
        code: 'DATA_LOSS',
        message: expect.stringContaining(message) as string,
      });
    }
  });

  it('refuses tables of another length', async () => {
    const out = folder.path('short');
    await importTable({ schemaFile: folder.path('schema.json'), out });
    await folder.sql(`COPY (SELECT * FROM '${dataset.dir}/events.parquet' LIMIT 2) TO '${out}/events.parquet'`);
    await expect(openDataset(out)).rejects.toMatchObject({ message: expect.stringContaining('has 2 rows') as string });
  });
});
