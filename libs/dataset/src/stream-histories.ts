import type { DuckDBConnection } from '@duckdb/node-api';
import { hashIds, HASH_WORDS } from '@mic/domain';
import { queryRow, sqlText } from './duck';

/** Histories of some users, one behind the other: user i has the events [offsets[i], offsets[i + 1]), newest first. */
export interface DatasetHistories {
  readonly userIds: readonly string[];
  /** Length: users + 1. */
  readonly offsets: Uint32Array;
  /** Item hashes, 2 words each (see hashIds). */
  readonly itemHashes: Uint32Array;
  /** Milliseconds since the epoch, or positions. */
  readonly timesMs: Float64Array;
  readonly weights: Float32Array;
  /** Older events of these users, which `maxPerUser` left out. */
  readonly leftOut: number;
}

export interface StreamHistoriesOptions {
  /** The newest so many events of each user. */
  readonly maxPerUser: number;
  /** Events read at a time: what memory follows. 250,000 by default. */
  readonly eventsAtOnce?: number;
}

/** Rows of the events file, oldest first: each user is a run of them. */
interface Slice {
  readonly userIds: string[];
  /** Events of each user. */
  readonly counts: number[];
  readonly itemRows: Int32Array;
  readonly timesMs: Float64Array;
  readonly weights: Float32Array;
  /** Older events of the first user, which are not here any more. */
  readonly leftOut: number;
}

const EMPTY: Slice = {
  userIds: [],
  counts: [],
  itemRows: new Int32Array(0),
  timesMs: new Float64Array(0),
  weights: new Float32Array(0),
  leftOut: 0,
};

/** The histories of all users, in the order of the events file, a slice of the file at a time. */
export async function* streamHistories(
  connection: DuckDBConnection,
  path: string,
  { maxPerUser, eventsAtOnce = 250_000 }: StreamHistoriesOptions,
): AsyncGenerator<DatasetHistories> {
  const table = `read_parquet(${sqlText(path)})`;
  const hashes = await itemHashes(connection, table);
  const { events } = await queryRow<{ events: number }>(connection, `SELECT count(*)::DOUBLE AS events FROM ${table}`);
  const sliceAt = (from: number): Promise<Slice> | null =>
    from < events ? readSlice(connection, table, from, from + eventsAtOnce) : null;
  // The next slice is read while the last one is used.
  let coming = sliceAt(0);
  let open = EMPTY;
  try {
    for (let next = eventsAtOnce; coming !== null; next += eventsAtOnce) {
      const slice = joined(open, await coming);
      coming = sliceAt(next);
      coming?.catch(() => undefined); // it is thrown where it is awaited
      // The last user may go on in the next slice.
      const users: number = slice.userIds.length - (coming === null ? 0 : 1);
      open = lastUser(slice, maxPerUser);
      if (users > 0) yield packed(slice, users, maxPerUser, hashes);
    }
  } finally {
    // A reader that leaves early must not close the connection under a query.
    await coming?.catch(() => undefined);
    await connection.run('DROP TABLE history_items');
  }
}

/** Numbers the items in table `history_items` and gives their hashes, in the order of the numbers. */
async function itemHashes(connection: DuckDBConnection, table: string): Promise<Uint32Array> {
  await connection.run(`CREATE OR REPLACE TEMP TABLE history_items AS
    SELECT item_id, (row_number() OVER () - 1)::INTEGER AS row FROM (SELECT DISTINCT item_id FROM ${table})`);
  const ids: string[] = [];
  for await (const chunk of await connection.stream('SELECT item_id FROM history_items ORDER BY row')) {
    const { rowCount } = chunk;
    const column = chunk.getColumnVector(0);
    for (let i = 0; i < rowCount; i++) ids.push(column.getItem(i) as string);
  }
  return hashIds(ids);
}

/** The events whose number (`seq`) is in [from, to). */
async function readSlice(connection: DuckDBConnection, table: string, from: number, to: number): Promise<Slice> {
  const within = `seq >= ${from} AND seq < ${to}`;
  const userIds: string[] = [];
  const counts: number[] = [];
  const users = await connection.stream(
    `SELECT user_id, count(*)::INTEGER FROM ${table} WHERE ${within} GROUP BY user_id ORDER BY min(seq)`,
  );
  for await (const chunk of users) {
    const { rowCount } = chunk;
    const [ids, lengths] = [chunk.getColumnVector(0), chunk.getColumnVector(1)];
    for (let i = 0; i < rowCount; i++) {
      userIds.push(ids.getItem(i) as string);
      counts.push(lengths.getItem(i) as number);
    }
  }
  const total = counts.reduce((sum, count) => sum + count, 0);
  const itemRows = new Int32Array(total);
  const timesMs = new Float64Array(total);
  const weights = new Float32Array(total);
  const events = await connection.stream(
    `SELECT row, time_ms::DOUBLE, weight FROM ${table} JOIN history_items USING (item_id) WHERE ${within} ORDER BY seq`,
  );
  let at = 0;
  for await (const chunk of events) {
    const { rowCount } = chunk;
    const [rows, times, strengths] = [chunk.getColumnVector(0), chunk.getColumnVector(1), chunk.getColumnVector(2)];
    for (let i = 0; i < rowCount; i++, at++) {
      itemRows[at] = rows.getItem(i) as number;
      timesMs[at] = times.getItem(i) as number;
      weights[at] = strengths.getItem(i) as number;
    }
  }
  return { userIds, counts, itemRows, timesMs, weights, leftOut: 0 };
}

/** Two slices that follow one another; the last user of the first may be the first of the second. */
function joined(first: Slice, second: Slice): Slice {
  if (first.userIds.length === 0) return second;
  const total = first.itemRows.length + second.itemRows.length;
  const both = {
    userIds: [...first.userIds],
    counts: [...first.counts],
    itemRows: new Int32Array(total),
    timesMs: new Float64Array(total),
    weights: new Float32Array(total),
    leftOut: first.leftOut,
  };
  for (const name of ['itemRows', 'timesMs', 'weights'] as const) {
    both[name].set(first[name]);
    both[name].set(second[name], first.itemRows.length);
  }
  second.userIds.forEach((userId, i) => {
    if (i === 0 && both.userIds.at(-1) === userId) {
      both.counts[both.counts.length - 1]! += second.counts[0]!;
      return;
    }
    both.userIds.push(userId);
    both.counts.push(second.counts[i]!);
  });
  return both;
}

/** The newest events of a slice's last user. */
function lastUser(slice: Slice, max: number): Slice {
  const count = slice.counts.at(-1)!;
  const kept = Math.min(count, max);
  const end = slice.itemRows.length;
  return {
    userIds: [slice.userIds.at(-1)!],
    counts: [kept],
    itemRows: slice.itemRows.slice(end - kept),
    timesMs: slice.timesMs.slice(end - kept),
    weights: slice.weights.slice(end - kept),
    leftOut: count - kept + (slice.userIds.length === 1 ? slice.leftOut : 0),
  };
}

/** The first `users` users of a slice. @param hashes packed hashes of the item rows. */
function packed(slice: Slice, users: number, max: number, hashes: Uint32Array): DatasetHistories {
  const offsets = new Uint32Array(users + 1);
  for (let user = 0; user < users; user++) offsets[user + 1] = offsets[user]! + Math.min(slice.counts[user]!, max);
  const total = offsets[users]!;
  const itemHashes = new Uint32Array(total * HASH_WORDS);
  const timesMs = new Float64Array(total);
  const weights = new Float32Array(total);
  let { leftOut } = slice;
  let at = 0;
  let end = 0;
  for (let user = 0; user < users; user++) {
    const count = slice.counts[user]!;
    end += count;
    leftOut += Math.max(0, count - max);
    for (let event = end - 1; at < offsets[user + 1]!; event--, at++) {
      const row = slice.itemRows[event]! * HASH_WORDS;
      itemHashes[at * HASH_WORDS] = hashes[row]!;
      itemHashes[at * HASH_WORDS + 1] = hashes[row + 1]!;
      timesMs[at] = slice.timesMs[event]!;
      weights[at] = slice.weights[event]!;
    }
  }
  return { userIds: slice.userIds.slice(0, users), offsets, itemHashes, timesMs, weights, leftOut };
}
