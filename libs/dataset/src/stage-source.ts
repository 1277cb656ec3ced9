import { queryRow } from './duck';
import { sourceFiles } from './source-files';
import { stageDelimited } from './stage-delimited';
import { stageJsonLines, type FileKeys } from './stage-json-lines';
import { stageParquet } from './stage-parquet';
import {
  missingColumn,
  stagedColumns,
  type StagedTable,
  type StagingContext,
  type StagingTarget,
} from './staged-table';
import type { ColumnRef, TableSource } from './table-schema';

/**
 * Reads the wanted columns of a source into `table`, column i as c<i>.
 * @param required so many of the columns, the first ones, have a key in every file of JSON lines; each of the others has one
 *   in some file of the source.
 * @param mayLack whether it is fine that no file has a key of the others.
 * @throws MicError for a missing file or column, an empty file or unreadable bytes.
 */
export async function stageSource(
  context: StagingContext,
  table: string,
  source: TableSource,
  columns: readonly ColumnRef[],
  required = columns.length,
  mayLack = false,
): Promise<StagedTable> {
  const { connection } = context;
  const files = await sourceFiles(connection, source, context.baseDir);
  await connection.run(`CREATE TABLE ${table}(${stagedColumns(columns.length)})`);
  const keys: FileKeys[] = [];
  for (const [index, file] of files.entries()) {
    const target = { table, file, index, columns, firstOrdinal: index * 2 ** 40 };
    const found = await stageFile(context, target, source);
    if (!found) continue;
    keys.push(found);
    const missing = found.lacking.find((column) => column < required);
    if (missing !== undefined) throw missingColumn(columns[missing]!, file.label, found.existing);
  }
  if (!mayLack) checkOthers(keys, columns);
  const { rows } = await queryRow<{ rows: number }>(connection, `SELECT count(*)::DOUBLE AS rows FROM ${table}`);
  return { table, files, rows };
}

async function stageFile(
  context: StagingContext,
  target: StagingTarget,
  source: TableSource,
): Promise<FileKeys | null> {
  const { file } = target;
  if (file.format === 'jsonl') return stageJsonLines(context, target, source);
  if (file.format === 'parquet') await stageParquet(context, target);
  else await stageDelimited(context, target, source);
  return { file, lacking: [], existing: [] };
}

/** A key that no file has is a wrong name, not a missing value. */
function checkOthers(keys: readonly FileKeys[], columns: readonly ColumnRef[]): void {
  const [first] = keys;
  const missing = first?.lacking.find((column) => keys.every(({ lacking }) => lacking.includes(column)));
  if (!first || missing === undefined) return;
  const label = keys.length === 1 ? first.file.label : `${first.file.label}, like the other files,`;
  throw missingColumn(columns[missing]!, label, first.existing);
}
