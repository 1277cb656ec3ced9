import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDataset } from './dataset';
import { importKuaiRand } from './import-kuairand';

const USER_COLUMNS = [
  ...['user_id', 'user_active_degree', 'is_lowactive_period', 'is_live_streamer', 'is_video_author'],
  ...['follow_user_num_range', 'fans_user_num_range', 'friend_user_num_range', 'register_days_range'],
  ...Array.from({ length: 18 }, (_, i) => `onehot_feat${i}`),
];
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mic-kuairand-'));
  const users = [0, 1].map((id) => [id, 'full_active', ...Array(USER_COLUMNS.length - 2).fill(id)].join(','));
  await writeFile(join(dir, 'user_features_pure.csv'), `${[USER_COLUMNS.join(','), ...users].join('\n')}\n`);
  const videos = [
    'video_id,author_id,video_type,upload_dt,upload_type,visible_status,video_duration,server_width,server_height,music_id,music_type,tag',
    '7,9,NORMAL,2022-04-10,Kmovie,0.0,8000.0,720.0,1280.0,1,9.0,"39,2"',
    '8,9,NORMAL,2022-04-10,Kmovie,0.0,,720.0,1280.0,1,9.0,',
  ];
  await writeFile(join(dir, 'video_features_basic_pure.csv.gz'), gzipSync(`${videos.join('\n')}\n`));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function imported() {
  const out = join(dir, 'out');
  const report = await importKuaiRand({ dir, out });
  const dataset = await openDataset(out);
  const { itemIds, histories } = await dataset.loadInteractions();
  const { items } = await dataset.sample();
  await dataset.close();
  return { report, viewed: [...histories.itemRows].map((row) => itemIds[row]), items };
}

describe('importKuaiRand', () => {
  it('reads long views in their order', async () => {
    await writeFile(
      join(dir, 'positives.csv.gz'),
      gzipSync('user_id,video_id,pos,split,time_ms\n0,8,1,test,5\n0,7,0,train,\n'),
    );
    const { report, viewed, items } = await imported();
    expect(report).toMatchObject({ events: 2, users: 1, userRows: 2, itemRows: 2, bad: [] });
    expect(viewed).toEqual(['7', '8']);
    expect(items[0]).toMatchObject({ item_id: '7', tag: ['39', '2'], video_duration: 8000 });
  });

  it('takes the long views of the original logs', async () => {
    const log = (rows: string) => `user_id,video_id,time_ms,long_view\n${rows}`;
    await writeFile(join(dir, 'log_standard_4_08_to_4_21_pure.csv'), log('1,8,1649400000000,1\n1,7,1649400000001,0\n'));
    await writeFile(join(dir, 'log_standard_4_22_to_5_08_pure.csv'), log('1,7,1650700000000,1\n'));
    const { report, viewed } = await imported();
    expect(report).toMatchObject({ events: 2, filtered: 1 });
    expect(viewed).toEqual(['8', '7']);
  });

  it('names a file that is missing', async () => {
    const missing = importKuaiRand({ dir, out: join(dir, 'out') });
    await expect(missing).rejects.toMatchObject({ code: 'NOT_FOUND', subject: 'log_standard_4_08_to_4_21_pure.csv' });
  });
});
