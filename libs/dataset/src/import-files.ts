import { join } from 'node:path';
import { cleanEntities, cleanStagedEntities, datasetField } from './clean-entities';
import { cleanEvents } from './clean-events';
import { openDuck } from './duck';
import { importReport, type ImportReport, type OnProgress } from './import-report';
import type { StagedTable, StagingContext } from './staged-table';
import type { EntitySource, EventsSource, TableField } from './table-schema';
import { writeDataset } from './write-dataset';
import { writeDirectory } from './write-directory';

/** A published dataset: where its tables are, and what they hold. */
export interface PublishedFiles {
  readonly name: string;
  /** Shown to people. */
  readonly source: string;
  readonly events: EventsSource;
  readonly users: EntitySource;
  /** Stages the items, in the order of `itemFields`. */
  readonly stageItems: (context: StagingContext) => Promise<StagedTable>;
  readonly itemFields: readonly TableField[];
  /** Item field whose first value is the category. */
  readonly categoryField: string;
}

export interface ImportFilesOptions {
  /** Folder that the files are relative to, absolute. */
  readonly baseDir: string;
  /** Dataset directory to make. */
  readonly out: string;
  /** Replace the dataset that is there. */
  readonly force?: boolean;
  readonly onProgress?: OnProgress;
}

/** Makes a dataset from the files of a published one. @throws MicError as importTable does. */
export async function importFiles(files: PublishedFiles, options: ImportFilesOptions): Promise<ImportReport> {
  const { events, users, itemFields, name, source, categoryField } = files;
  const { baseDir, out, force = false, onProgress } = options;
  const info = await writeDirectory(out, force, async (dir, scratch) => {
    const duck = await openDuck(join(scratch, 'staging.duckdb'), join(scratch, 'spill'));
    try {
      const context: StagingContext = { connection: duck.connection, baseDir, onBytes: () => undefined };
      const badUsers = await cleanEntities(context, 'users', users, undefined);
      onProgress?.(1, 3);
      const staged = await files.stageItems(context);
      const badItems = await cleanStagedEntities(context, 'items', staged, [...itemFields], undefined);
      onProgress?.(2, 3);
      const { filtered, duplicates, bad } = await cleanEvents(context, events, undefined);
      onProgress?.(3, 3);
      return await writeDataset(duck.connection, dir, {
        name,
        source,
        order: events.columns.position === undefined ? 'timestamp' : 'position',
        userFields: users.fields.map(datasetField),
        itemFields: itemFields.map(datasetField),
        categoryField,
        skipped: { filtered, duplicates, bad: [...bad, ...badUsers, ...badItems] },
      });
    } finally {
      duck.close();
    }
  });
  return importReport(out, info);
}
