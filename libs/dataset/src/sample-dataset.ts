import type { DuckDBConnection } from '@duckdb/node-api';
import type { DatasetFiles } from './dataset-info';
import { queryRow, queryRows, sqlText } from './duck';

/** A dataset at a glance. */
export interface DatasetSample {
  /** Time (or position) of the first and the last event. */
  readonly firstTimeMs: number;
  readonly lastTimeMs: number;
  /** Events of the median and of the busiest user. */
  readonly medianEventsPerUser: number;
  readonly mostEventsPerUser: number;
  readonly mostEventsPerItem: number;
  /** First rows of each table. */
  readonly events: readonly SampleRow[];
  readonly users: readonly SampleRow[];
  readonly items: readonly SampleRow[];
}

/** A row as text, number or list by column. */
export type SampleRow = Readonly<Record<string, string | number | readonly string[] | null>>;

export async function sampleDataset(
  connection: DuckDBConnection,
  files: DatasetFiles,
  rows: number,
): Promise<DatasetSample> {
  const table = (path: string) => `read_parquet(${sqlText(path)})`;
  const spread = await queryRow<Omit<DatasetSample, 'events' | 'users' | 'items'>>(
    connection,
    `WITH users AS (SELECT count(*) AS events FROM ${table(files.events)} GROUP BY user_id),
      items AS (SELECT count(*) AS events FROM ${table(files.events)} GROUP BY item_id)
    SELECT min(time_ms)::DOUBLE AS "firstTimeMs", max(time_ms)::DOUBLE AS "lastTimeMs",
      (SELECT quantile_disc(events, 0.5) FROM users)::DOUBLE AS "medianEventsPerUser",
      (SELECT max(events) FROM users)::DOUBLE AS "mostEventsPerUser",
      (SELECT max(events) FROM items)::DOUBLE AS "mostEventsPerItem" FROM ${table(files.events)}`,
  );
  const firstRows = (columns: string, path: string) =>
    queryRows<SampleRow>(connection, `SELECT ${columns} FROM ${table(path)} LIMIT ${Math.trunc(rows)}`);
  return {
    ...spread,
    events: await firstRows('user_id, item_id, time_ms::DOUBLE AS time_ms, weight', files.events),
    users: await firstRows('*', files.users),
    items: await firstRows('*', files.items),
  };
}
