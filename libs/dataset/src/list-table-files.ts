import { stat } from 'node:fs/promises';
import { MicError } from '@mic/domain';
import { openDuck } from './duck';
import { sourceFiles } from './source-files';
import type { TableSchema } from './table-schema';

/** A file that a schema names. */
export interface TableFile {
  readonly table: 'events' | 'users' | 'items';
  readonly path: string;
  readonly bytes: number;
  /** When it was last written, milliseconds since the epoch. */
  readonly changedMs: number;
}

/**
 * The files that the paths and globs of a schema name just now, in the order in which they are read; a table may have none.
 *
 * @throws MicError INVALID_ARGUMENT for a file that is empty or no file, naming it.
 */
export async function listTableFiles(schema: TableSchema, baseDir: string): Promise<readonly TableFile[]> {
  const duck = await openDuck(':memory:', baseDir);
  try {
    const files: TableFile[] = [];
    for (const table of ['events', 'users', 'items'] as const) {
      const source = schema[table];
      if (!source) continue;
      for (const pattern of typeof source.files === 'string' ? [source.files] : source.files) {
        const found = await sourceFiles(duck.connection, { ...source, files: pattern }, baseDir).catch(
          (error: unknown) => {
            if (error instanceof MicError && error.code === 'NOT_FOUND') return [];
            throw error;
          },
        );
        for (const { path, bytes } of found) files.push({ table, path, bytes, changedMs: (await stat(path)).mtimeMs });
      }
    }
    return files;
  } finally {
    duck.close();
  }
}
