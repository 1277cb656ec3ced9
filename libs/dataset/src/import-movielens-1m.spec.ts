import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDataset } from './dataset';
import { importMovieLens1m } from './import-movielens-1m';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mic-ml-1m-'));
  await writeFile(join(dir, 'users.dat'), '1::F::1::10::48067\n2::M::56::16::70072\n');
  const films = '10::Léon (1994)::Action|Drama\n11::Any Film: Part 2 (2000)::Comedy\n12::Unknown::Drama\n';
  await writeFile(join(dir, 'movies.dat'), Buffer.from(films, 'latin1'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function imported() {
  const out = join(dir, 'out');
  const report = await importMovieLens1m({ dir, out });
  const dataset = await openDataset(out);
  const { userIds, itemIds, histories } = await dataset.loadInteractions();
  const lists = Object.fromEntries(
    userIds.map((id, user) => [
      id,
      [...histories.itemRows.subarray(histories.offsets[user], histories.offsets[user + 1])].map((row) => itemIds[row]),
    ]),
  );
  const { items } = await dataset.sample();
  await dataset.close();
  return { report, lists, items };
}

describe('importMovieLens1m', () => {
  it('reads the original files', async () => {
    const ratings = '2::12::3::978300019\n1::10::5::978300760\n1::11::1::978300700\n';
    await writeFile(join(dir, 'ratings.dat'), ratings);
    const { report, lists, items } = await imported();
    expect(report).toMatchObject({ events: 3, users: 2, userRows: 2, itemRows: 3 });
    expect(lists).toEqual({ 1: ['11', '10'], 2: ['12'] });
    expect(items[0]).toMatchObject({ item_id: '10', title: 'Léon (1994)', genres: ['Action', 'Drama'], year: 1994 });
  });

  it('reads a table with positions, without the rows whose place is unknown', async () => {
    const rows = ['user_id,item_id,rating,pos,timestamp', '1,10,5,1,', '1,11,5,0,9', '2,10,1,-1,', '2,11,1,0,'];
    const more = Array.from({ length: 20 }, (_, i) => `${i + 3},10,4,0,`);
    await writeFile(join(dir, 'ratings.csv.gz'), gzipSync(`${[...rows, ...more].join('\n')}\n`));
    const { report, lists } = await imported();
    expect(report.events).toBe(23);
    expect(report.bad).toMatchObject([{ count: 1 }]);
    expect(lists).toMatchObject({ 1: ['11', '10'], 2: ['11'] });
  });

  it('names a file that is missing', async () => {
    const missing = importMovieLens1m({ dir, out: join(dir, 'out') });
    await expect(missing).rejects.toMatchObject({ code: 'NOT_FOUND', subject: 'ratings.dat' });
  });
});
