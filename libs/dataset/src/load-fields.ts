import type { DuckDBConnection } from '@duckdb/node-api';
import { MicError } from '@mic/domain';
import { compileFields, type FieldSpec, type RawValue } from '@mic/features';
import { ID_COLUMNS, type EntityTable } from './clean-entities';
import type { DatasetField } from './dataset-info';
import { sqlName, sqlText } from './duck';
import { LIST_MARK } from './staged-table';

/** Categories of items. */
export interface ItemCategories {
  /** Category names; index 0 is '', "none". */
  readonly names: string[];
  /** Index into `names` of each item. */
  readonly categories: Uint32Array;
}

/** Encodes the fields of the given ids from the Parquet table at `path`. */
export async function loadFields(
  connection: DuckDBConnection,
  path: string,
  table: EntityTable,
  existing: readonly DatasetField[],
  wanted: readonly FieldSpec[],
  ids: readonly string[],
): Promise<Int32Array> {
  for (const field of wanted) checkField(table, existing, field);
  const encoders = compileFields(wanted);
  const width = encoders.reduce((sum, encoder) => sum + encoder.width, 0);
  const encoded = new Int32Array(ids.length * width);
  if (width === 0) return encoded;
  const rowOf = new Map(ids.map((id, row) => [id, row]));
  const columns = encoders.map(({ name }) => `, ${columnOf(existing, name)}`).join('');
  for await (const chunk of await connection.stream(
    `SELECT ${ID_COLUMNS[table]}${columns} FROM read_parquet(${sqlText(path)})`,
  )) {
    const rows = chunk.getColumnValues(0).map((id) => rowOf.get(id as string) ?? -1);
    let offset = 0;
    encoders.forEach((encoder, index) => {
      const values = chunk.getColumnVector(index + 1);
      rows.forEach((row, i) => {
        if (row >= 0) encoder.encode(rawOf(values.getItem(i)), encoded, row * width + offset);
      });
      offset += encoder.width;
    });
  }
  return encoded;
}

/** Categories of the given items; names by first appearance among `ids`. */
export async function loadCategories(
  connection: DuckDBConnection,
  path: string,
  existing: readonly DatasetField[],
  categoryField: string | null,
  ids: readonly string[],
): Promise<ItemCategories> {
  const names = [''];
  const categories = new Uint32Array(ids.length);
  if (categoryField === null) return { names, categories };
  const field = existing.find(({ name }) => name === categoryField);
  if (!field) throw missingField('items', categoryField, existing);
  const first = field.type === 'multi' ? `${sqlName(categoryField)}[1]` : sqlName(categoryField);
  const categoryOf = new Map<string, string>();
  const query = `SELECT item_id, ${first} FROM read_parquet(${sqlText(path)}) WHERE ${first} IS NOT NULL`;
  for await (const chunk of await connection.stream(query)) {
    const itemIds = chunk.getColumnVector(0);
    const values = chunk.getColumnVector(1);
    for (let i = 0; i < chunk.rowCount; i++) categoryOf.set(itemIds.getItem(i) as string, values.getItem(i) as string);
  }
  const indexOf = new Map<string, number>();
  ids.forEach((id, row) => {
    const name = categoryOf.get(id);
    if (name === undefined) return;
    const index = indexOf.get(name) ?? names.push(name) - 1;
    indexOf.set(name, index);
    categories[row] = index;
  });
  return { names, categories };
}

/** Texts of the given items from a field of type text; '' where there is no such field or the item has none. */
export async function loadTexts(
  connection: DuckDBConnection,
  path: string,
  existing: readonly DatasetField[],
  name: string,
  ids: readonly string[],
): Promise<string[]> {
  const texts = new Array<string>(ids.length).fill('');
  if (!existing.some((field) => field.name === name && field.type === 'text')) return texts;
  const rowOf = new Map(ids.map((id, row) => [id, row]));
  const column = sqlName(name);
  const query = `SELECT item_id, ${column} FROM read_parquet(${sqlText(path)}) WHERE ${column} IS NOT NULL`;
  for await (const chunk of await connection.stream(query)) {
    const [itemIds, values] = [chunk.getColumnVector(0), chunk.getColumnVector(1)];
    for (let i = 0; i < chunk.rowCount; i++) {
      const row = rowOf.get(itemIds.getItem(i) as string);
      if (row !== undefined) texts[row] = values.getItem(i) as string;
    }
  }
  return texts;
}

/** A list comes as text with a mark between its values: a list value of DuckDB costs an object per cell. */
function columnOf(existing: readonly DatasetField[], name: string): string {
  const isMulti = existing.some((field) => field.name === name && field.type === 'multi');
  return isMulti ? `'${LIST_MARK}' || array_to_string(${sqlName(name)}, '${LIST_MARK}')` : sqlName(name);
}

function rawOf(value: unknown): RawValue {
  if (typeof value !== 'string' || !value.startsWith(LIST_MARK)) return value as RawValue;
  return value.slice(1).split(LIST_MARK);
}

function checkField(table: EntityTable, existing: readonly DatasetField[], wanted: FieldSpec): void {
  const field = existing.find(({ name }) => name === wanted.name);
  if (!field) throw missingField(table, wanted.name, existing);
  if (field.type === wanted.type) return;
  throw new MicError(
    'FAILED_PRECONDITION',
    `${table}: the field ${wanted.name} is ${field.type}, the schema reads it as ${wanted.type}`,
    {
      remedy: 'use the feature schema of a model trained on this dataset',
      subject: wanted.name,
    },
  );
}

function missingField(table: EntityTable, name: string, existing: readonly DatasetField[]): MicError {
  const names = existing.map((field) => field.name).join(', ') || 'none';
  return new MicError('FAILED_PRECONDITION', `the dataset's ${table} have no field ${JSON.stringify(name)}`, {
    remedy: `use a model trained on this dataset's fields (${names}), or import the field`,
    subject: name,
  });
}
