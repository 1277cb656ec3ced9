import type { DuckDBConnection } from '@duckdb/node-api';
import type { FeatureSchema, FieldSpec } from '@mic/features';
import type { DatasetField, DatasetFiles, DatasetInfo } from './dataset-info';
import { queryRow, queryRows, sqlName, sqlText } from './duck';

export interface FeatureSchemaOptions {
  /** Values kept per field, the most frequent ones; default 50,000. */
  readonly maxVocabulary?: number;
  /** Rows that a value must occur in; default 1. */
  readonly minCount?: number;
  /** Values kept per row of a multi field at most; default 16. */
  readonly maxMultiWidth?: number;
}

/** Derives the encoding of a dataset's fields from its users and items tables. */
export async function buildFeatureSchema(
  connection: DuckDBConnection,
  files: DatasetFiles,
  info: DatasetInfo,
  options: FeatureSchemaOptions,
): Promise<FeatureSchema> {
  const userFields: FieldSpec[] = [];
  for (const field of info.userFields) {
    if (field.type !== 'text') userFields.push(await fieldSpec(connection, files.users, field, options));
  }
  const itemFields: FieldSpec[] = [];
  for (const field of info.itemFields) {
    if (field.type !== 'text') itemFields.push(await fieldSpec(connection, files.items, field, options));
  }
  return { userFields, itemFields, categoryField: info.categoryField };
}

async function fieldSpec(
  connection: DuckDBConnection,
  file: string,
  field: Exclude<DatasetField, { type: 'text' }>,
  options: FeatureSchemaOptions,
): Promise<FieldSpec> {
  const { name, type } = field;
  const column = sqlName(name);
  const table = `read_parquet(${sqlText(file)})`;
  if (type === 'numeric') {
    return { name, type, boundaries: await quantileBoundaries(connection, table, column, field.buckets) };
  }
  const values =
    type === 'multi'
      ? `SELECT unnest(list_distinct(${column})) AS value FROM ${table}`
      : `SELECT ${column} AS value FROM ${table}`;
  const rows = await queryRows<{ value: string }>(
    connection,
    `SELECT value FROM (${values}) WHERE value IS NOT NULL GROUP BY value HAVING count(*) >= ${options.minCount ?? 1}
     ORDER BY count(*) DESC, value LIMIT ${options.maxVocabulary ?? 50_000}`,
  );
  const vocabulary = rows.map(({ value }) => value);
  if (type === 'categorical') return { name, type, vocabulary };
  const { longest } = await queryRow<{ longest: number }>(
    connection,
    `SELECT coalesce(max(len(list_distinct(${column}))), 1)::INTEGER AS longest FROM ${table}`,
  );
  return { name, type, vocabulary, width: Math.max(1, Math.min(longest, options.maxMultiWidth ?? 16)) };
}

/**
 * Boundaries at the k / buckets quantiles, each one an observed value. Equal ones are merged, and one at the smallest
 * value is left out: no value lies below it.
 */
async function quantileBoundaries(
  connection: DuckDBConnection,
  table: string,
  column: string,
  buckets: number,
): Promise<number[]> {
  const shares = Array.from({ length: buckets - 1 }, (_, index) => (index + 1) / buckets);
  const { boundaries, smallest } = await queryRow<{ boundaries: number[] | null; smallest: number | null }>(
    connection,
    `SELECT quantile_disc(${column}, [${shares.join(', ')}]) AS boundaries, min(${column}) AS smallest FROM ${table}`,
  );
  if (boundaries === null || smallest === null) return [];
  return [...new Set(boundaries)].filter((boundary) => boundary > smallest).sort((a, b) => a - b);
}
