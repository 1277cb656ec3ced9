import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { MicError } from '@mic/domain';
import { importFiles } from './import-files';
import type { ImportReport, OnProgress } from './import-report';
import { stageSource } from './stage-source';
import type { StagedTable, StagingContext } from './staged-table';
import type { EntitySource, EventsSource, TableField, TableSource } from './table-schema';

export interface ImportMovieLens1mOptions {
  /** Folder of ratings.dat (original) or ratings.csv(.gz) with positions, users.dat and movies.dat. */
  readonly dir: string;
  /** Dataset directory to make. */
  readonly out: string;
  /** Replace the dataset that is there. */
  readonly force?: boolean;
  readonly onProgress?: OnProgress;
}

const TEXT = { header: false, quote: '', encoding: 'latin-1', format: 'csv', delimiter: '::' } as const;

const USER_FIELDS: TableField[] = [
  { name: 'gender', column: 2, type: 'categorical' },
  { name: 'age', column: 3, type: 'categorical' },
  { name: 'occupation', column: 4, type: 'categorical' },
];
const ITEM_FIELDS: TableField[] = [
  { name: 'title', type: 'text' },
  { name: 'genres', type: 'multi', separator: '|' },
  { name: 'year', type: 'numeric', buckets: 20 },
];

/** Files of ratings, in the order in which they are looked for. */
const RATINGS: readonly { readonly file: string; readonly events: EventsSource }[] = [
  {
    file: 'ratings.dat',
    events: {
      ...TEXT,
      files: 'ratings.dat',
      columns: { user: 1, item: 2, rating: 3, timestamp: 4 },
      timestampUnit: 's',
      minRating: 1,
    },
  },
  ...['ratings.csv', 'ratings.csv.gz'].map((file) => ({ file, events: withPositions(file) })),
];

/** A table with the place of each rating in its user's history (`pos`, -1 where it is unknown: such rows are left out). */
function withPositions(files: string): EventsSource {
  return {
    files,
    format: 'csv',
    header: true,
    delimiter: ',',
    quote: '"',
    encoding: 'utf-8',
    columns: { user: 'user_id', item: 'item_id', rating: 'rating', position: 'pos' },
    timestampUnit: 's',
    minRating: 1,
  };
}

/**
 * Makes a dataset from the files of MovieLens-1M. Every rating is an event of weight 1; the category of a film is its
 * first genre.
 * @throws MicError for a missing or damaged file, or an output directory in use.
 */
export async function importMovieLens1m(options: ImportMovieLens1mOptions): Promise<ImportReport> {
  const baseDir = resolve(options.dir);
  const ratings = RATINGS.find(({ file }) => existsSync(join(baseDir, file)));
  for (const file of [...(ratings ? [] : ['ratings.dat']), 'users.dat', 'movies.dat']) {
    if (existsSync(join(baseDir, file))) continue;
    throw new MicError('NOT_FOUND', `${baseDir} has no file ${file}`, {
      remedy: 'name the folder of the unpacked MovieLens-1M: ratings.dat (or ratings.csv.gz), users.dat, movies.dat',
      subject: file,
    });
  }
  const { events } = ratings!;
  const users: EntitySource = { ...TEXT, files: 'users.dat', id: 1, fields: USER_FIELDS };
  return importFiles(
    {
      name: 'movielens-1m',
      source: 'MovieLens-1M',
      events,
      users,
      stageItems: (context) => stageFilms(context, { ...TEXT, files: 'movies.dat' }),
      itemFields: ITEM_FIELDS,
      categoryField: 'genres',
    },
    { ...options, baseDir },
  );
}

/** Stages movies.dat with the year of the title. */
async function stageFilms(context: StagingContext, source: TableSource): Promise<StagedTable> {
  const raw = await stageSource(context, 'staged_films', source, [1, 2, 3]);
  await context.connection.run(`CREATE TABLE staged_items AS SELECT ordinal, file, line, problem, c0, c1, c2,
    nullif(regexp_extract(c1, '\\((\\d{4})\\)\\s*$', 1), '') AS c3
    FROM staged_films; DROP TABLE staged_films`);
  return { ...raw, table: 'staged_items' };
}
