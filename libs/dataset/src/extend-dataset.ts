import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { MicError } from '@mic/domain';
import { cleanEntities, datasetField, ID_COLUMNS, type EntityTable } from './clean-entities';
import { cleanEvents } from './clean-events';
import { openDataset } from './dataset';
import { DATASET_FILES, type BadRows, type DatasetField, type DatasetInfo } from './dataset-info';
import { openDuck, queryRow, sqlName, sqlText } from './duck';
import type { StagingContext } from './staged-table';
import type { TableSchema } from './table-schema';
import { writeDataset } from './write-dataset';
import { writeDirectory } from './write-directory';

/** Tables with what is new. */
export interface Addition {
  /** Without files of events there is nothing new but users and items. */
  readonly schema: TableSchema;
  /** Folder that its paths are relative to. */
  readonly baseDir: string;
  /** Bad rows allowed in each table; 10 % of it by default. */
  readonly maxBadRows?: number;
  /** Whether it is fine that no event of it is usable. */
  readonly mayBeEmpty?: boolean;
  /** A row of a user or an item says some fields only: one that is blank stays as it was. Its users, and its items, are of one file. */
  readonly rowsArePartial?: boolean;
}

export interface ExtendDatasetOptions {
  /** Dataset directory to begin with; it is not changed. */
  readonly base: string;
  /** In the order in which they came: of two rows of the same user (or item) the later one counts; within one file an id may come only once. */
  readonly additions: readonly Addition[];
  /**
   * Events older than the newest one by more than this are left out, milliseconds; all are kept by default. An event that lies in
   * the future (a clock that was wrong) counts as one of now: it does not make the others old.
   */
  readonly windowMs?: number;
  /** The time, milliseconds since the epoch; for tests. */
  readonly nowMs?: number;
  /** Dataset directory to make. */
  readonly out: string;
  /** Steps done of all. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** What an extension did. */
export interface ExtensionReport {
  readonly dataset: string;
  readonly events: number;
  readonly users: number;
  readonly items: number;
  /** Events that the base did not have, users and items that had no event in it. */
  readonly newEvents: number;
  readonly newUsers: number;
  readonly newItems: number;
  /** Events of the additions that were there already, or twice. */
  readonly duplicates: number;
  /** Events that are older than the window. */
  readonly expired: number;
  readonly bad: readonly BadRows[];
}

/**
 * Makes a dataset of another one and new tables. Users keep their order, new ones come after them; an event of the same user,
 * item and time as another one is left out; rows of users and items replace those of the same id, where they
 * are partial only the fields that they say.
 *
 * @throws MicError NOT_FOUND when the base is no dataset; INVALID_ARGUMENT when fields or the order of events differ from
 *   its own, or an id comes twice in a file; ALREADY_EXISTS when `out` holds something; what import says of bad rows.
 */
export async function extendDataset(options: ExtendDatasetOptions): Promise<ExtensionReport> {
  const { base, additions, windowMs, nowMs = Date.now(), out, onProgress } = options;
  const opened = await openDataset(base);
  const { info } = opened;
  await opened.close();
  for (const { schema } of additions) checkFits(schema, info);
  return writeDirectory(out, false, async (dir, scratch) => {
    const duck = await openDuck(join(scratch, 'staging.duckdb'), join(scratch, 'spill'));
    try {
      const { connection } = duck;
      const total = additions.length + 2;
      await loadBase(connection, base, info);
      onProgress?.(1, total);
      const found = { duplicates: 0, filtered: 0, bad: [] as BadRows[] };
      let number = 0;
      for (const [i, addition] of additions.entries()) {
        // Only those with events are counted: a Float64 has few places for them.
        if (addition.schema.events.files.length > 0) number++;
        const added = await add(connection, addition, number);
        found.duplicates += added.duplicates;
        found.filtered += added.filtered;
        found.bad.push(...added.bad);
        onProgress?.(i + 2, total);
      }
      const { expired, ...fresh } = await applyWindow(connection, windowMs, nowMs);
      const written = await writeDataset(connection, dir, {
        name: info.name,
        source: info.source,
        order: info.order,
        userFields: info.userFields,
        itemFields: info.itemFields,
        categoryField: info.categoryField,
        skipped: found,
      });
      onProgress?.(total, total);
      const { events, users, items } = written.counts;
      return { dataset: out, events, users, items, ...fresh, duplicates: found.duplicates, expired, bad: found.bad };
    } finally {
      duck.close();
    }
  });
}

/** Ordinals of the base's events are their places in it; those of addition i stand behind them. */
const ORDINALS_OF_ADDITION = 2 ** 50;

async function loadBase(connection: DuckDBConnection, base: string, info: DatasetInfo): Promise<void> {
  const of = (file: string): string => `read_parquet(${sqlText(join(base, file))})`;
  await connection.run(`
    CREATE TABLE known_events AS SELECT user_id, item_id, time_ms, time_ms::DOUBLE AS order_value, weight,
      seq::DOUBLE AS ordinal FROM ${of(DATASET_FILES.events)};
    CREATE TABLE known_users AS SELECT * FROM ${of(DATASET_FILES.users)};
    CREATE TABLE known_items AS SELECT * FROM ${of(DATASET_FILES.items)}`);
  const { events } = await queryRow<{ events: number }>(
    connection,
    'SELECT count(*)::DOUBLE AS events FROM known_events',
  );
  if (events !== info.counts.events) throw new MicError('DATA_LOSS', `${base} has lost events`, { subject: base });
}

/** Takes an addition into the tables of what is known. */
async function add(
  connection: DuckDBConnection,
  { schema, baseDir, maxBadRows, mayBeEmpty, rowsArePartial = false }: Addition,
  number: number,
): Promise<{ readonly duplicates: number; readonly filtered: number; readonly bad: readonly BadRows[] }> {
  const context: StagingContext = { connection, baseDir, onBytes: () => undefined };
  const bad: BadRows[] = [];
  for (const table of ['users', 'items'] as const) {
    const source = schema[table];
    if (!source) continue;
    bad.push(...(await cleanEntities(context, table, source, maxBadRows, true)));
    const id = ID_COLUMNS[table];
    if (rowsArePartial) {
      const cells = source.fields.map(({ name }) => sqlName(name));
      const merged = cells.map((cell) => `${cell} = coalesce(${table}.${cell}, known.${cell})`);
      await connection.run(
        `UPDATE ${table} SET ${merged.join(', ')} FROM known_${table} known WHERE ${table}.${id} = known.${id}`,
      );
    }
    await connection.run(`
      DELETE FROM known_${table} WHERE ${id} IN (SELECT ${id} FROM ${table});
      INSERT INTO known_${table} BY NAME SELECT * FROM ${table};
      DROP TABLE ${table}`);
  }
  if (schema.events.files.length === 0) return { duplicates: 0, filtered: 0, bad };
  const cleaned = await cleanEvents(context, schema.events, maxBadRows, mayBeEmpty);
  // The few new events are what is looked up among the many known ones, not the other way round.
  await connection.run(`
    CREATE TABLE again AS SELECT DISTINCT n.ordinal FROM known_events k JOIN events n USING (user_id, item_id, time_ms);
    DELETE FROM events WHERE ordinal IN (SELECT ordinal FROM again)`);
  const { again } = await queryRow<{ again: number }>(connection, 'SELECT count(*)::DOUBLE AS again FROM again');
  await connection.run(`
    INSERT INTO known_events BY NAME SELECT * REPLACE (ordinal + ${number * ORDINALS_OF_ADDITION} AS ordinal) FROM events;
    DROP TABLE again; DROP TABLE events`);
  return { duplicates: cleaned.duplicates + again, filtered: cleaned.filtered, bad: [...bad, ...cleaned.bad] };
}

/** Leaves out what is too old; the tables get the names that writeDataset reads. */
async function applyWindow(
  connection: DuckDBConnection,
  windowMs: number | undefined,
  nowMs: number,
): Promise<Pick<ExtensionReport, 'newEvents' | 'newUsers' | 'newItems' | 'expired'>> {
  const isNew = `ordinal >= ${ORDINALS_OF_ADDITION}`;
  const newOf = (column: string): string =>
    `(SELECT count(*) FROM (SELECT ${column} FROM known_events GROUP BY ${column} HAVING min(ordinal) >= ${ORDINALS_OF_ADDITION}))::DOUBLE`;
  const counts = await queryRow<{ events: number; users: number; items: number; all: number }>(
    connection,
    `SELECT count(*) FILTER (${isNew})::DOUBLE AS events, ${newOf('user_id')} AS users, ${newOf('item_id')} AS items,
      count(*)::DOUBLE AS all FROM known_events`,
  );
  const newest = `least((SELECT max(time_ms) FROM known_events), ${nowMs})`;
  const keep = windowMs === undefined ? 'true' : `time_ms >= ${newest} - ${windowMs}`;
  await connection.run(`
    CREATE TABLE events AS SELECT * FROM known_events WHERE ${keep};
    DROP TABLE known_events;
    ALTER TABLE known_users RENAME TO users;
    ALTER TABLE known_items RENAME TO items`);
  const { left } = await queryRow<{ left: number }>(connection, 'SELECT count(*)::DOUBLE AS left FROM events');
  return { newEvents: counts.events, newUsers: counts.users, newItems: counts.items, expired: counts.all - left };
}

function checkFits(schema: TableSchema, info: DatasetInfo): void {
  const order = schema.events.columns.position === undefined ? 'timestamp' : 'position';
  if (order !== info.order) {
    throw refused(`its events have a ${order}, those of ${info.name} a ${info.order}`, schema.name);
  }
  const tables = [
    ['users', info.userFields],
    ['items', info.itemFields],
  ] as const;
  for (const [table, fields] of tables) checkFields(schema, table, fields, info.name);
}

function checkFields(schema: TableSchema, table: EntityTable, known: readonly DatasetField[], name: string): void {
  const source = schema[table];
  if (!source) return;
  const words = (fields: readonly DatasetField[]): string => fields.map((f) => `${f.name} (${f.type})`).join(', ');
  const [given, wanted] = [words(source.fields.map(datasetField)), words(known)];
  if (given === wanted) return;
  throw refused(`the fields of its ${table} are ${given}, those of ${name} are ${wanted}`, schema.name);
}

function refused(message: string, subject: string): MicError {
  return new MicError('INVALID_ARGUMENT', `${subject} does not fit the dataset: ${message}`, {
    subject,
    remedy: 'describe the new tables as the first ones were: the same fields, in the same order, with the same types',
  });
}
