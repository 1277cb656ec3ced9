import { join } from 'node:path';
import { cleanEntities, datasetField } from './clean-entities';
import { cleanEvents } from './clean-events';
import type { DatasetInfo } from './dataset-info';
import { openDuck } from './duck';
import { importReport, type ImportReport, type OnProgress } from './import-report';
import { sourceFiles } from './source-files';
import type { StagingContext } from './staged-table';
import { readTableSchema } from './table-schema';
import { writeDataset } from './write-dataset';
import { writeDirectory } from './write-directory';

export interface ImportTableOptions {
  /** Path of the schema file (JSON, see tableSchemaSchema). */
  readonly schemaFile: string;
  /** Dataset directory to make. */
  readonly out: string;
  /** Replace the dataset that is there. */
  readonly force?: boolean;
  /** Bad rows allowed per table; default: 10 % of its rows. */
  readonly maxBadRows?: number;
  /** Bytes read, of all bytes. */
  readonly onProgress?: OnProgress;
}

/**
 * Makes a dataset from the files that a schema file describes.
 * @throws MicError for a wrong schema file, a missing file or column, an empty file, an id that comes twice, too many
 * bad rows, no usable event, or an output directory in use; then nothing is written.
 */
export async function importTable(options: ImportTableOptions): Promise<ImportReport> {
  const { schema, baseDir } = await readTableSchema(options.schemaFile);
  const info = await writeDirectory(options.out, options.force ?? false, async (dir, scratch) => {
    const duck = await openDuck(join(scratch, 'staging.duckdb'), join(scratch, 'spill'));
    try {
      const { connection } = duck;
      const tables = [schema.events, ...(schema.users ? [schema.users] : []), ...(schema.items ? [schema.items] : [])];
      const files = (await Promise.all(tables.map((table) => sourceFiles(connection, table, baseDir)))).flat();
      const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
      let done = 0;
      const onBytes = (count: number) => options.onProgress?.((done += count), total);
      const context: StagingContext = { connection, baseDir, onBytes };
      const { maxBadRows } = options;
      const badUsers = schema.users ? await cleanEntities(context, 'users', schema.users, maxBadRows) : [];
      const badItems = schema.items ? await cleanEntities(context, 'items', schema.items, maxBadRows) : [];
      const events = await cleanEvents(context, schema.events, maxBadRows);
      return await writeDataset(connection, dir, {
        name: schema.name,
        source: files.map(({ label }) => label).join(', '),
        order: schema.events.columns.position === undefined ? 'timestamp' : 'position',
        userFields: (schema.users?.fields ?? []).map(datasetField),
        itemFields: (schema.items?.fields ?? []).map(datasetField),
        categoryField: schema.items?.category ?? null,
        skipped: {
          filtered: events.filtered,
          duplicates: events.duplicates,
          bad: [...events.bad, ...badUsers, ...badItems],
        },
      } satisfies Omit<DatasetInfo, 'formatVersion' | 'counts'>);
    } finally {
      duck.close();
    }
  });
  return importReport(options.out, info);
}
