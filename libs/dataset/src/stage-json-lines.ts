import { MicError } from '@mic/domain';
import { queryRow, queryRows, sqlText } from './duck';
import type { SourceFile } from './source-files';
import { LIST_MARK, stagedColumns, type StagingContext, type StagingTarget } from './staged-table';
import { stageRecords } from './stage-delimited';
import type { ColumnRef, TableSource } from './table-schema';

/** Rows whose keys an error lists. */
const ROWS_LOOKED_AT = 1000;

/**
 * Stages a file of one JSON object a line. Text, numbers and booleans become text as they are written (so that 64-bit
 * ids keep all their digits), null becomes NULL, a list becomes a marked list.
 *
 * @returns null where no line is an object.
 */
export async function stageJsonLines(
  context: StagingContext,
  target: StagingTarget,
  source: TableSource,
): Promise<FileKeys | null> {
  const { connection } = context;
  const lines = `${target.table}_lines`;
  await connection.run(`CREATE TABLE ${lines}(${stagedColumns(1)})`);
  const syntax = { delimiter: null, quote: null, encoding: source.encoding };
  await stageRecords(context, { ...target, table: lines, columns: [1] }, syntax, false);

  const objects = `${target.table}_objects`;
  await connection.run(`CREATE TABLE ${objects} AS
    SELECT ordinal, file, line, coalesce(problem, CASE WHEN is_object THEN NULL WHEN is_json THEN 'not a JSON object' ELSE 'malformed JSON' END) AS problem,
      CASE WHEN is_object THEN c0::JSON END AS object
    FROM (SELECT *, CASE WHEN is_json THEN json_type(c0) = 'OBJECT' ELSE false END AS is_object
      FROM (SELECT *, coalesce(json_valid(c0), false) AS is_json FROM ${lines}))`);
  const keys = await keysOf(context, target, objects);
  const cells = target.columns.map((ref) => cellOf(ref));
  await connection.run(
    `INSERT INTO ${target.table} SELECT ordinal, file, line, problem, ${cells.join(', ')} FROM ${objects}`,
  );
  await connection.run(`DROP TABLE ${lines}; DROP TABLE ${objects}`);
  return keys;
}

function pointerOf(ref: ColumnRef): string {
  return sqlText(`/${String(ref).replaceAll('~', '~0').replaceAll('/', '~1')}`);
}

function cellOf(ref: ColumnRef): string {
  const pointer = pointerOf(ref);
  const list = `array_to_string(from_json(json_extract(object, ${pointer}), '["VARCHAR"]'), '${LIST_MARK}')`;
  return `CASE json_type(object, ${pointer}) WHEN 'ARRAY' THEN '${LIST_MARK}' || ${list}
    WHEN 'NULL' THEN NULL ELSE json_extract_string(object, ${pointer}) END`;
}

/** The keys of a file of JSON lines. */
export interface FileKeys {
  readonly file: SourceFile;
  /** Numbers of the wanted columns whose key no row has. */
  readonly lacking: readonly number[];
  /** Keys of the first rows. */
  readonly existing: readonly string[];
}

async function keysOf(context: StagingContext, target: StagingTarget, objects: string): Promise<FileKeys | null> {
  const { file, columns } = target;
  const number = columns.find((ref) => typeof ref === 'number');
  if (number !== undefined) {
    throw new MicError('INVALID_ARGUMENT', `column ${number} of ${file.label} is given by number`, {
      remedy: 'name the key: rows of JSON lines have keys',
      subject: String(number),
    });
  }
  const present = columns.map(
    (ref, index) => `coalesce(bool_or(json_type(object, ${pointerOf(ref)}) IS NOT NULL), false) AS k${index}`,
  );
  const found = await queryRow<Record<string, boolean>>(
    context.connection,
    `SELECT count(object) > 0 AS any_object, ${present.join(', ')} FROM ${objects}`,
  );
  if (!found['any_object']) return null;
  const keys = await queryRows<{ key: string }>(
    context.connection,
    `SELECT DISTINCT unnest(json_keys(object)) AS key FROM (SELECT object FROM ${objects} WHERE object IS NOT NULL LIMIT ${ROWS_LOOKED_AT}) ORDER BY key`,
  );
  return {
    file,
    lacking: Array.from(columns.keys()).filter((index) => !found[`k${index}`]),
    existing: keys.map(({ key }) => key),
  };
}
