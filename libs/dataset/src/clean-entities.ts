import { MicError } from '@mic/domain';
import { collectBadRows } from './bad-rows';
import type { BadRows, DatasetField } from './dataset-info';
import { isBlank, queryRow, queryRows, sqlName, sqlText } from './duck';
import { stageSource } from './stage-source';
import { LIST_MARK, type StagedTable, type StagingContext } from './staged-table';
import type { EntitySource, TableField } from './table-schema';

/** The users or items table: which, and the name of its id column. */
export type EntityTable = 'users' | 'items';
export const ID_COLUMNS: Readonly<Record<EntityTable, string>> = { users: 'user_id', items: 'item_id' };

/**
 * Reads a source into table `users` or `items`: the id, then a column per field (VARCHAR, VARCHAR[] or DOUBLE; blank is
 * NULL). A number that cannot be read is reported and left out, its row stays.
 * @param isAddition whether it adds to what is known: no row of JSON lines needs the key of a field then, and of the rows of
 *   an id in several files the one in the last file counts.
 * @throws MicError when an id comes twice (of an addition: in one file) or too many rows are bad.
 */
export async function cleanEntities(
  context: StagingContext,
  table: EntityTable,
  source: EntitySource,
  maxBadRows: number | undefined,
  isAddition = false,
): Promise<readonly BadRows[]> {
  const columns = [source.id, ...source.fields.map((field) => field.column ?? field.name)];
  const staged = await stageSource(context, `staged_${table}`, source, columns, 1, isAddition);
  return cleanStagedEntities(context, table, staged, source.fields, maxBadRows, isAddition);
}

/** As cleanEntities, from a staged table whose c0 is the id and c<i + 1> field i; the staged table is dropped. */
export async function cleanStagedEntities(
  context: StagingContext,
  table: EntityTable,
  staged: StagedTable,
  fields: readonly TableField[],
  maxBadRows: number | undefined,
  isAddition = false,
): Promise<readonly BadRows[]> {
  const { connection } = context;
  // Fields go by number beside the columns of the check: their names are anyone's.
  const cells = fields.map((field, index) => `${cellOf(field, `c${index + 1}`)} AS f${index}`);
  await connection.run(`CREATE TABLE checked_${table} AS SELECT file, line, ordinal,
    CASE WHEN problem IS NOT NULL THEN problem WHEN ${isBlank('c0')} THEN 'missing id' END AS reason,
    c0 AS ${ID_COLUMNS[table]}, ${cells.join(', ')} FROM ${staged.table}`);
  await checkUnique(context, table, staged, isAddition);

  const complaints = [`SELECT file, line, reason FROM checked_${table} WHERE reason IS NOT NULL`];
  fields.forEach((field, index) => {
    if (field.type !== 'numeric') return;
    const cell = `c${index + 1}`;
    const reason = `${JSON.stringify(field.name)} is not a number: value left out`;
    complaints.push(`SELECT file, line, ${sqlText(reason)} AS reason FROM ${staged.table}
      WHERE problem IS NULL AND NOT ${isBlank('c0')} AND NOT ${isBlank(cell)} AND ${numberOf(cell)} IS NULL`);
  });
  const bad = await collectBadRows(connection, table, staged, `(${complaints.join(' UNION ALL ')})`, maxBadRows);
  const named = fields.map(({ name }, index) => `f${index} AS ${sqlName(name)}`);
  const id = ID_COLUMNS[table];
  const last =
    isAddition && staged.files.length > 1
      ? `QUALIFY row_number() OVER (PARTITION BY ${id} ORDER BY checked.ordinal DESC) = 1`
      : '';
  const kept = `CREATE TABLE ${table} AS SELECT ${[id, ...named].join(', ')} FROM checked_${table} checked
    WHERE checked.reason IS NULL ${last} ORDER BY checked.ordinal`;
  await connection.run(`${kept}; DROP TABLE checked_${table}; DROP TABLE ${staged.table}`);
  return bad;
}

/** The field as dataset.json describes it. */
export function datasetField({ name, ...field }: TableField): DatasetField {
  return field.type === 'numeric' ? { name, type: field.type, buckets: field.buckets } : { name, type: field.type };
}

function numberOf(cell: string): string {
  return `CASE WHEN isfinite(TRY_CAST(${cell} AS DOUBLE)) THEN TRY_CAST(${cell} AS DOUBLE) END`;
}

function cellOf(field: TableField, cell: string): string {
  if (field.type === 'numeric') return numberOf(cell);
  if (field.type === 'text') return `nullif(trim(${cell}), '')`;
  const split = (separator: string) => `string_split(${cell}, ${sqlText(separator)})`;
  const values = `CASE WHEN starts_with(${cell}, '${LIST_MARK}') THEN string_split(${cell}[2:], '${LIST_MARK}')
    ELSE ${field.type === 'multi' ? split(field.separator) : `[${cell}]`} END`;
  const trimmed = `[trim(one) for one in ${values} if trim(one) <> '']`;
  return field.type === 'multi' ? `nullif(${trimmed}, [])` : `${trimmed}[1]`;
}

/** @param byFile whether the same id may come in several files. */
async function checkUnique(
  context: StagingContext,
  table: EntityTable,
  staged: StagedTable,
  byFile: boolean,
): Promise<void> {
  const id = ID_COLUMNS[table];
  const [twice] = await queryRows<{ id: string; ordinals: number[] }>(
    context.connection,
    `SELECT ${id} AS id, min(ordinal, 2) AS ordinals FROM checked_${table} WHERE reason IS NULL
     GROUP BY ${byFile ? `${id}, file` : id} HAVING count(*) > 1 ORDER BY min(ordinal) LIMIT 1`,
  );
  if (!twice) return;
  const places: string[] = [];
  for (const ordinal of twice.ordinals) {
    const { file, line } = await queryRow<{ file: number; line: number }>(
      context.connection,
      `SELECT file, line FROM checked_${table} WHERE ordinal = ${ordinal}`,
    );
    places.push(`${staged.files[file]!.label} line ${line}`);
  }
  throw new MicError(
    'INVALID_ARGUMENT',
    `${table}: the id ${JSON.stringify(twice.id)} comes twice: ${places.join(' and ')}`,
    {
      remedy: 'keep one of the two rows',
      subject: twice.id,
    },
  );
}
