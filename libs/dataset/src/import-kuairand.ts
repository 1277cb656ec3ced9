import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { MicError } from '@mic/domain';
import { importFiles } from './import-files';
import type { ImportReport, OnProgress } from './import-report';
import { stageSource } from './stage-source';
import type { EntitySource, EventsSource, TableField, TableSource } from './table-schema';

export interface ImportKuaiRandOptions {
  /** Folder of positives.csv(.gz) or the original logs, with user_features_pure.csv(.gz) and video_features_basic_pure.csv(.gz). */
  readonly dir: string;
  /** Dataset directory to make. */
  readonly out: string;
  /** Replace the dataset that is there. */
  readonly force?: boolean;
  readonly onProgress?: OnProgress;
}

const CSV = { format: 'csv', header: true, delimiter: ',', quote: '"', encoding: 'utf-8' } as const;

/** What is known of the users: ranges as they were published, and anonymous codes. */
const USER_FIELDS: TableField[] = [
  'user_active_degree',
  'is_lowactive_period',
  'is_live_streamer',
  'is_video_author',
  'follow_user_num_range',
  'fans_user_num_range',
  'friend_user_num_range',
  'register_days_range',
  ...Array.from({ length: 18 }, (_, i) => `onehot_feat${i}`),
].map((name) => ({ name, type: 'categorical' }));
const ITEM_FIELDS: TableField[] = [
  { name: 'tag', type: 'multi', separator: ',' },
  { name: 'author_id', type: 'categorical' },
  { name: 'video_type', type: 'categorical' },
  { name: 'upload_type', type: 'categorical' },
  { name: 'music_type', type: 'categorical' },
  { name: 'video_duration', type: 'numeric', buckets: 10 },
];

/** Long views in the order of each user's history. */
const positives = (files: string): EventsSource => ({
  ...CSV,
  files,
  columns: { user: 'user_id', item: 'video_id', position: 'pos' },
  timestampUnit: 's',
  minRating: 0,
});
/** The original logs: a row an exposure, `long_view` 1 where it was watched for long. */
const logs = (files: string[]): EventsSource => ({
  ...CSV,
  files,
  columns: { user: 'user_id', item: 'video_id', timestamp: 'time_ms', rating: 'long_view' },
  timestampUnit: 'ms',
  minRating: 1,
});
const LOGS = ['log_standard_4_08_to_4_21_pure.csv', 'log_standard_4_22_to_5_08_pure.csv'];

/**
 * Makes a dataset from KuaiRand-Pure (Gao et al., CIKM 2022): an event is a long view under the standard policy; the
 * category of a video is its first tag.
 * @throws MicError for a missing or damaged file, or an output directory in use.
 */
export async function importKuaiRand(options: ImportKuaiRandOptions): Promise<ImportReport> {
  const baseDir = resolve(options.dir);
  const find = (name: string): string | undefined =>
    [name, `${name}.gz`].find((file) => existsSync(join(baseDir, file)));
  const need = (name: string): string => {
    const found = find(name);
    if (found !== undefined) return found;
    throw new MicError('NOT_FOUND', `${baseDir} has no file ${name}`, {
      remedy:
        'name a folder with user_features_pure.csv, video_features_basic_pure.csv and either positives.csv or the ' +
        `logs ${LOGS.join(' and ')} (each may be gzipped)`,
      subject: name,
    });
  };
  const derived = find('positives.csv');
  const events = derived === undefined ? logs(LOGS.map(need)) : positives(derived);
  const users: EntitySource = { ...CSV, files: need('user_features_pure.csv'), id: 'user_id', fields: USER_FIELDS };
  const items: TableSource = { ...CSV, files: need('video_features_basic_pure.csv') };
  return importFiles(
    {
      name: 'kuairand-pure',
      source: 'KuaiRand-Pure, long views',
      events,
      users,
      stageItems: (context) =>
        stageSource(context, 'staged_items', items, ['video_id', ...ITEM_FIELDS.map(({ name }) => name)]),
      itemFields: ITEM_FIELDS,
      categoryField: 'tag',
    },
    { ...options, baseDir },
  );
}
