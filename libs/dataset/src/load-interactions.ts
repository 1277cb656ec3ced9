import type { DuckDBConnection } from '@duckdb/node-api';
import { sqlText } from './duck';
import type { HistoryTable } from '@mic/domain';

/** Events of a dataset as rows of users and items. */
export interface Interactions {
  /** User of each row, by first appearance in the source. */
  readonly userIds: string[];
  /** Item of each row, by first appearance in the events file. */
  readonly itemIds: string[];
  readonly histories: HistoryTable;
}

/** How many events of a user are read. */
export interface InteractionLimits {
  /** The newest so many; undefined: all. */
  readonly maxPerUser?: number;
  /** The newest so many before this moment, and the newest so many from it on. */
  readonly cutMs?: number;
}

/** Reads users, items and histories of the events file at `path`. */
export async function loadInteractions(
  connection: DuckDBConnection,
  path: string,
  { maxPerUser, cutMs }: InteractionLimits,
): Promise<Interactions> {
  const table = `read_parquet(${sqlText(path)})`;
  // A user's events follow one another in `seq`, so the newest n (of either side of a cut) are the last n numbers.
  const late = cutMs === undefined ? 'FALSE' : `time_ms >= ${cutMs}`;
  const newest =
    maxPerUser === undefined
      ? ''
      : `JOIN (SELECT user_id, ${late} AS late, max(seq) AS last_seq FROM ${table} GROUP BY ALL) USING (user_id)
         WHERE late = (${late}) AND seq > last_seq - ${Math.trunc(maxPerUser)}`;
  await connection.run(`
    CREATE OR REPLACE TEMP VIEW kept AS SELECT * FROM ${table} ${newest};
    CREATE OR REPLACE TEMP TABLE kept_items AS
      SELECT item_id, (row_number() OVER (ORDER BY min(seq)) - 1)::INTEGER AS row FROM kept GROUP BY item_id`);

  const userIds: string[] = [];
  const ends: number[] = [0];
  const users = await connection.stream(
    'SELECT user_id, count(*)::INTEGER AS events FROM kept GROUP BY user_id ORDER BY min(seq)',
  );
  for await (const chunk of users) {
    const ids = chunk.getColumnVector(0);
    const counts = chunk.getColumnVector(1);
    for (let i = 0; i < chunk.rowCount; i++) {
      userIds.push(ids.getItem(i) as string);
      ends.push(ends.at(-1)! + (counts.getItem(i) as number));
    }
  }

  const itemIds: string[] = [];
  for await (const chunk of await connection.stream('SELECT item_id FROM kept_items ORDER BY row')) {
    const ids = chunk.getColumnVector(0);
    for (let i = 0; i < chunk.rowCount; i++) itemIds.push(ids.getItem(i) as string);
  }

  const total = ends.at(-1)!;
  const itemRows = new Uint32Array(total);
  const timesMs = new Float64Array(total);
  const weights = new Float32Array(total);
  let at = 0;
  // Events of a user follow one another in `seq`, and users do so by first appearance: this is the order of `offsets`.
  const events = await connection.stream(
    'SELECT row, time_ms::DOUBLE, weight FROM kept JOIN kept_items USING (item_id) ORDER BY seq',
  );
  for await (const chunk of events) {
    const rows = chunk.getColumnVector(0);
    const times = chunk.getColumnVector(1);
    const strengths = chunk.getColumnVector(2);
    for (let i = 0; i < chunk.rowCount; i++, at++) {
      itemRows[at] = rows.getItem(i) as number;
      timesMs[at] = times.getItem(i) as number;
      weights[at] = strengths.getItem(i) as number;
    }
  }
  await connection.run('DROP TABLE kept_items; DROP VIEW kept');
  return {
    userIds,
    itemIds,
    histories: {
      userCount: userIds.length,
      itemCount: itemIds.length,
      offsets: Uint32Array.from(ends),
      itemRows,
      timesMs,
      weights,
    },
  };
}
