import { MicError } from '@mic/domain';
import { queryRow, queryRows, sqlName, sqlText } from './duck';
import { emptyFile } from './source-files';
import { LIST_MARK, missingColumn, type StagingContext, type StagingTarget } from './staged-table';
import type { ColumnRef } from './table-schema';

/** Stages a Parquet file; a row's line is its number from 1. */
export async function stageParquet(context: StagingContext, target: StagingTarget): Promise<void> {
  const { connection } = context;
  const { file, columns } = target;
  const scan = `read_parquet(${sqlText(file.path)}, file_row_number = true)`;
  let types: ReadonlyMap<string, string>;
  try {
    const described = await queryRows<{ column_name: string; column_type: string }>(
      connection,
      `DESCRIBE SELECT * FROM ${scan}`,
    );
    types = new Map(described.map(({ column_name, column_type }) => [column_name, column_type]));
  } catch (cause) {
    throw new MicError('INVALID_ARGUMENT', `${file.label} is not a readable Parquet file`, {
      remedy: 'check that the file is whole, or set "format" in the schema file',
      subject: file.label,
      cause,
    });
  }
  const cells = columns.map((ref) => cellOf(ref, types, file.label));
  await connection.run(`INSERT INTO ${target.table}
    SELECT ${target.firstOrdinal} + file_row_number, ${target.index}, file_row_number + 1, NULL, ${cells.join(', ')} FROM ${scan}`);
  const { rows } = await queryRow<{ rows: number }>(connection, `SELECT count(*)::DOUBLE AS rows FROM ${scan}`);
  if (rows === 0) throw emptyFile(file.label);
  context.onBytes(file.bytes);
}

function cellOf(ref: ColumnRef, types: ReadonlyMap<string, string>, label: string): string {
  const type = types.get(String(ref));
  if (typeof ref === 'number' || type === undefined) {
    throw missingColumn(
      ref,
      label,
      [...types.keys()].filter((name) => name !== 'file_row_number'),
    );
  }
  const column = sqlName(ref);
  if (!type.endsWith(']')) return `CAST(${column} AS VARCHAR)`;
  return `'${LIST_MARK}' || array_to_string(CAST(${column} AS VARCHAR[]), '${LIST_MARK}')`;
}
