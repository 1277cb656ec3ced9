import { queryRow } from './duck';
import { sourceFiles } from './source-files';
import { stageDelimited } from './stage-delimited';
import { stageJsonLines } from './stage-json-lines';
import { stageParquet } from './stage-parquet';
import { stagedColumns, type StagedTable, type StagingContext } from './staged-table';
import type { ColumnRef, TableSource } from './table-schema';

/**
 * Reads the wanted columns of a source into `table`, column i as c<i>.
 * @throws MicError for a missing file or column, an empty file or unreadable bytes.
 */
export async function stageSource(
  context: StagingContext,
  table: string,
  source: TableSource,
  columns: readonly ColumnRef[],
): Promise<StagedTable> {
  const { connection } = context;
  const files = await sourceFiles(connection, source, context.baseDir);
  await connection.run(`CREATE TABLE ${table}(${stagedColumns(columns.length)})`);
  for (const [index, file] of files.entries()) {
    const target = { table, file, index, columns, firstOrdinal: index * 2 ** 40 };
    if (file.format === 'parquet') await stageParquet(context, target);
    else if (file.format === 'jsonl') await stageJsonLines(context, target, source);
    else await stageDelimited(context, target, source);
  }
  const { rows } = await queryRow<{ rows: number }>(connection, `SELECT count(*)::DOUBLE AS rows FROM ${table}`);
  return { table, files, rows };
}
