import type { DuckDBConnection } from '@duckdb/node-api';
import { MicError } from '@mic/domain';
import type { SourceFile } from './source-files';
import type { ColumnRef } from './table-schema';

/** Marks a staged cell that was a list: the mark, then the values with the mark between them. */
export const LIST_MARK = '\u001f';

/** What the stagers work with. */
export interface StagingContext {
  readonly connection: DuckDBConnection;
  /** Folder that paths of the schema file are relative to. */
  readonly baseDir: string;
  /** Called with the number of bytes that were read. */
  readonly onBytes: (count: number) => void;
}

/** A source whose rows stand in a DuckDB table as text, in file order, the unusable ones marked. */
export interface StagedTable {
  /** Table with columns ordinal (file order), file (index), line DOUBLE, problem VARCHAR, c0, c1, ... VARCHAR. */
  readonly table: string;
  readonly files: readonly SourceFile[];
  readonly rows: number;
}

/** The columns of a staged table as SQL. */
export function stagedColumns(count: number): string {
  const cells = Array.from({ length: count }, (_, index) => `c${index} VARCHAR`);
  return ['ordinal DOUBLE', 'file INTEGER', 'line DOUBLE', 'problem VARCHAR', ...cells].join(', ');
}

/** A column that a source does not have. */
export function missingColumn(ref: ColumnRef, label: string, existing: readonly string[]): MicError {
  return new MicError('INVALID_ARGUMENT', `${label} has no column ${JSON.stringify(ref)}`, {
    remedy: `correct the schema file; the columns are ${existing.map((name) => JSON.stringify(name)).join(', ')}`,
    subject: String(ref),
  });
}

/** Where the rows of one file go. */
export interface StagingTarget {
  readonly table: string;
  readonly file: SourceFile;
  /** Number of the file within its source. */
  readonly index: number;
  readonly columns: readonly ColumnRef[];
  /** Ordinals of the file's rows start here: rows of all files of a source are ordered by them. */
  readonly firstOrdinal: number;
}
