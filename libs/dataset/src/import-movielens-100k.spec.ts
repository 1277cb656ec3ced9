import { rmSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { importMovieLens100k } from './import-movielens-100k';
import { SpecFolder } from './spec-fixture';

let folder: SpecFolder;
const flags = (...set: number[]) => Array.from({ length: 19 }, (_, genre) => Number(set.includes(genre))).join('|');

beforeEach(() => {
  folder = new SpecFolder();
  const genres = [
    'unknown',
    'Action',
    'Adventure',
    'Animation',
    "Children's",
    'Comedy',
    'Crime',
    'Documentary',
    'Drama',
  ];
  while (genres.length < 19) genres.push(`Genre ${genres.length}`);
  folder.write('u.genre', `${genres.map((name, index) => `${name}|${index}`).join('\n')}\n\n`);
  folder.write('u.user', '1|24|M|technician|85711\n2|53|F|other|94043\n');
  folder.write(
    'u.item',
    Buffer.from(
      [
        `1|Caf\xe9 "One (1995)|01-Jan-1995||http://x|${flags(5, 4, 8)}`,
        `2|No date (1931)|||http://x|${flags()}`,
        `3|unknown||||${flags(0)}`,
      ].join('\n'),
      'latin1',
    ),
  );
  folder.write('u.data', '1\t2\t3\t881250949\n2\t1\t1\t881250900\n1\t1\t5\t881250949\n1\t3\t2\t881250948\n');
});
afterEach(() => {
  folder.remove();
});

it('reads the original files', async () => {
  const report = await importMovieLens100k({ dir: folder.dir, out: folder.path('out') });
  expect(report).toMatchObject({
    events: 4,
    users: 2,
    items: 3,
    userRows: 2,
    itemRows: 3,
    filtered: 0,
    duplicates: 0,
    bad: [],
  });
  expect(await folder.events(report.dataset)).toEqual([
    ['1', '3', 881250948000, 1],
    ['1', '2', 881250949000, 1],
    ['1', '1', 881250949000, 1],
    ['2', '1', 881250900000, 1],
  ]);
  expect(await folder.sql(`SELECT * FROM '${folder.path('out/items.parquet')}'`)).toEqual([
    { item_id: '1', title: 'Café "One (1995)', genres: ["Children's", 'Comedy', 'Drama'], year: 1995 },
    { item_id: '2', title: 'No date (1931)', genres: null, year: 1931 },
    { item_id: '3', title: 'unknown', genres: ['unknown'], year: null },
  ]);
  expect(await folder.sql(`SELECT * FROM '${folder.path('out/users.parquet')}'`)).toEqual([
    { user_id: '1', age: 24, gender: 'M', occupation: 'technician' },
    { user_id: '2', age: 53, gender: 'F', occupation: 'other' },
  ]);
});

it('reads u.data.gz', async () => {
  rmSync(folder.path('u.data'));
  folder.write('u.data.gz', gzipSync('1\t2\t3\t881250949\n'));
  expect((await importMovieLens100k({ dir: folder.dir, out: folder.path('out') })).events).toBe(1);
});

it('names a file that is missing', async () => {
  await expect(importMovieLens100k({ dir: folder.path('nowhere'), out: folder.path('out') })).rejects.toMatchObject({
    code: 'NOT_FOUND',
    subject: 'u.data',
  });
});

it('refuses a genre list that is none', async () => {
  folder.write('u.genre', 'Action\nDrama\n');
  await expect(importMovieLens100k({ dir: folder.dir, out: folder.path('out') })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  });
});
