import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parse } from 'csv-parse/sync';
import { MicError } from '@mic/domain';
import { sqlText } from './duck';
import { importFiles } from './import-files';
import type { ImportReport, OnProgress } from './import-report';
import { stageSource } from './stage-source';
import { LIST_MARK, type StagedTable, type StagingContext } from './staged-table';
import type { EntitySource, EventsSource, TableField, TableSource } from './table-schema';

export interface ImportMovieLens100kOptions {
  /** Folder of the original files u.data (or u.data.gz), u.user, u.item and u.genre. */
  readonly dir: string;
  /** Dataset directory to make. */
  readonly out: string;
  /** Replace the dataset that is there. */
  readonly force?: boolean;
  readonly onProgress?: OnProgress;
}

const TEXT = { header: false, quote: '', encoding: 'latin-1', format: 'csv' } as const;

const USER_FIELDS: TableField[] = [
  { name: 'age', column: 2, type: 'numeric', buckets: 10 },
  { name: 'gender', column: 3, type: 'categorical' },
  { name: 'occupation', column: 4, type: 'categorical' },
];
const ITEM_FIELDS: TableField[] = [
  { name: 'title', type: 'text' },
  { name: 'genres', type: 'multi', separator: '|' },
  { name: 'year', type: 'numeric', buckets: 10 },
];

/** Columns of u.item before the genre flags: id, title, release date, video release date, URL. */
const COLUMNS_BEFORE_FLAGS = 5;

/**
 * Makes a dataset from the original files of MovieLens-100K. Every rating is an event of weight 1; the category of a
 * film is its first genre.
 * @throws MicError for a missing or damaged file, or an output directory in use.
 */
export async function importMovieLens100k(options: ImportMovieLens100kOptions): Promise<ImportReport> {
  const baseDir = resolve(options.dir);
  const ratings =
    existsSync(join(baseDir, 'u.data.gz')) && !existsSync(join(baseDir, 'u.data')) ? 'u.data.gz' : 'u.data';
  for (const file of [ratings, 'u.user', 'u.item', 'u.genre']) {
    if (existsSync(join(baseDir, file))) continue;
    throw new MicError('NOT_FOUND', `${baseDir} has no file ${file}`, {
      remedy: 'name the folder of the unpacked MovieLens-100K: u.data (or u.data.gz), u.user, u.item, u.genre',
      subject: file,
    });
  }
  const events: EventsSource = {
    ...TEXT,
    files: ratings,
    delimiter: '\t',
    columns: { user: 1, item: 2, rating: 3, timestamp: 4 },
    timestampUnit: 's',
    minRating: 1,
  };
  const users: EntitySource = { ...TEXT, files: 'u.user', delimiter: '|', id: 1, fields: USER_FIELDS };
  const items: TableSource = { ...TEXT, files: 'u.item', delimiter: '|' };
  return importFiles(
    {
      name: 'movielens-100k',
      source: 'MovieLens-100K, original files',
      events,
      users,
      stageItems: async (context) => stageFilms(context, items, await readGenres(join(baseDir, 'u.genre'))),
      itemFields: ITEM_FIELDS,
      categoryField: 'genres',
    },
    { ...options, baseDir },
  );
}

/** Genre names in order of their flags. */
async function readGenres(file: string): Promise<string[]> {
  const rows = parse(await readFile(file, 'latin1'), {
    delimiter: '|',
    quote: null,
    skip_empty_lines: true,
    relax_column_count: true,
  }) as string[][];
  const genres: string[] = [];
  for (const [name, index] of rows) genres[Number(index)] = name!;
  if (genres.length > 0 && !genres.includes(undefined as never) && rows.length === genres.length) return genres;
  throw new MicError('INVALID_ARGUMENT', `${file} is not a list of genres`, {
    remedy: 'it must have lines such as Action|1, numbered from 0',
    subject: file,
  });
}

/** Stages u.item with its flags turned into a list of genres, and the year of the release date or, without one, of the title. */
async function stageFilms(
  context: StagingContext,
  source: TableSource,
  genres: readonly string[],
): Promise<StagedTable> {
  const flags = genres.map((_, index) => COLUMNS_BEFORE_FLAGS + 1 + index);
  const raw = await stageSource(context, 'staged_films', source, [1, 2, 3, ...flags]);
  const cells = genres.map((genre, index) => ({ genre, cell: `c${3 + index}` }));
  const names = cells.map(({ genre, cell }) => `CASE WHEN ${cell} = '1' THEN ${sqlText(genre)} END`);
  const isWrong = cells.map(({ cell }) => `${cell} NOT IN ('0', '1')`).join(' OR ');
  await context.connection.run(`CREATE TABLE staged_items AS SELECT ordinal, file, line,
    CASE WHEN problem IS NOT NULL THEN problem WHEN ${isWrong} THEN 'a genre flag is not 0 or 1' END AS problem, c0, c1,
    '${LIST_MARK}' || array_to_string([${names.join(', ')}], '${LIST_MARK}') AS c2,
    coalesce(nullif(regexp_extract(c2, '(\\d{4})$', 1), ''), nullif(regexp_extract(c1, '\\((\\d{4})\\)\\s*$', 1), '')) AS c3
    FROM staged_films; DROP TABLE staged_films`);
  return { ...raw, table: 'staged_items' };
}
