import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { ID_COLUMNS, type EntityTable } from './clean-entities';
import { DATASET_FILES, type DatasetInfo } from './dataset-info';
import { queryRow, sqlText } from './duck';

const PARQUET = '(FORMAT parquet, COMPRESSION zstd)';

/** dataset.json without what is counted here. */
export type DatasetDescription = Omit<DatasetInfo, 'formatVersion' | 'counts'>;

/**
 * Writes tables `events` (see cleanEvents), `users` and `items` of a database as a dataset directory; a table that is
 * not there is written without rows. Events are sorted by the user's first appearance, then time, then file order;
 * `seq` is the row's number in that order, from 0.
 */
export async function writeDataset(
  connection: DuckDBConnection,
  dir: string,
  description: DatasetDescription,
): Promise<DatasetInfo> {
  // Rows instead of strings: a sort of 20 million events then moves 40 bytes each.
  await connection.run(`
    CREATE TABLE event_users AS SELECT user_id, row_number() OVER (ORDER BY min(ordinal)) - 1 AS row FROM events GROUP BY user_id;
    CREATE TABLE event_items AS SELECT item_id, row_number() OVER (ORDER BY min(ordinal)) - 1 AS row FROM events GROUP BY item_id;
    CREATE TABLE numbered AS
      SELECT u.row::INTEGER AS user_row, i.row::INTEGER AS item_row, e.time_ms, e.order_value, e.ordinal, e.weight
      FROM events e JOIN event_users u USING (user_id) JOIN event_items i USING (item_id);
    DROP TABLE events;
    CREATE TABLE sorted AS SELECT user_row, item_row, time_ms, weight,
      row_number() OVER (ORDER BY user_row, order_value, ordinal) - 1 AS seq FROM numbered;
    DROP TABLE numbered`);
  return writeSorted(connection, dir, description);
}

/**
 * As writeDataset, from tables `sorted` (user_row, item_row, time_ms, weight, seq) and `event_users`, `event_items`
 * (id, row).
 */
export async function writeSorted(
  connection: DuckDBConnection,
  dir: string,
  description: DatasetDescription,
): Promise<DatasetInfo> {
  await connection.run(`COPY (SELECT u.user_id, i.item_id, s.time_ms::BIGINT AS time_ms, s.weight::FLOAT AS weight, s.seq::BIGINT AS seq
    FROM sorted s JOIN event_users u ON u.row = s.user_row JOIN event_items i ON i.row = s.item_row ORDER BY s.seq)
    TO ${sqlText(join(dir, DATASET_FILES.events))} ${PARQUET}`);
  const userRows = await writeEntities(connection, dir, 'users');
  const itemRows = await writeEntities(connection, dir, 'items');
  const { events, users, items } = await queryRow<{ events: number; users: number; items: number }>(
    connection,
    `SELECT (SELECT count(*) FROM sorted)::DOUBLE AS events, (SELECT count(*) FROM event_users)::DOUBLE AS users,
      (SELECT count(*) FROM event_items)::DOUBLE AS items`,
  );
  const info: DatasetInfo = { formatVersion: 1, ...description, counts: { events, users, items, userRows, itemRows } };
  await writeFile(join(dir, DATASET_FILES.info), `${JSON.stringify(info, null, 2)}\n`);
  return info;
}

async function writeEntities(connection: DuckDBConnection, dir: string, table: EntityTable): Promise<number> {
  await connection.run(`CREATE TABLE IF NOT EXISTS ${table}(${ID_COLUMNS[table]} VARCHAR)`);
  await connection.run(`COPY ${table} TO ${sqlText(join(dir, DATASET_FILES[table]))} ${PARQUET}`);
  const { rows } = await queryRow<{ rows: number }>(connection, `SELECT count(*)::DOUBLE AS rows FROM ${table}`);
  return rows;
}
