import { MicError } from '@mic/domain';
import { collectBadRows } from './bad-rows';
import type { BadRows } from './dataset-info';
import { isBlank, queryRow } from './duck';
import { stageSource } from './stage-source';
import type { StagingContext } from './staged-table';
import type { ColumnRef, EventsSource } from './table-schema';

/** 9999-12-31T23:59:59.999Z: a later time is one read in a wrong unit. */
const LAST_TIME_MS = 253_402_300_799_999;
const MS_PER_UNIT = { s: 1000, ms: 1, us: 0.001 } as const;

/** What became of the events of a source. */
export interface CleanedEvents {
  readonly filtered: number;
  readonly duplicates: number;
  readonly bad: readonly BadRows[];
}

/**
 * Reads a source's events into table `events`: user_id, item_id VARCHAR, time_ms BIGINT, order_value DOUBLE (time at
 * full resolution), weight FLOAT, ordinal DOUBLE (file order). A second event of the same user, item and time is left out.
 * @param mayBeEmpty whether it is fine that no event is usable.
 * @throws MicError when too many rows are bad or none is usable.
 */
export async function cleanEvents(
  context: StagingContext,
  source: EventsSource,
  maxBadRows: number | undefined,
  mayBeEmpty = false,
): Promise<CleanedEvents> {
  const { connection } = context;
  const { columns } = source;
  const refs: ColumnRef[] = [columns.user, columns.item];
  const addColumn = (ref: ColumnRef) => `c${refs.push(ref) - 1}`;
  const order = addColumn((columns.timestamp ?? columns.position)!);
  const rating = columns.rating === undefined ? null : addColumn(columns.rating);
  const weight = columns.weight === undefined ? null : addColumn(columns.weight);
  const staged = await stageSource(context, 'staged_events', source, refs);

  await connection.run(`CREATE TABLE checked_events AS SELECT *, ${reasonOf(columns.position !== undefined, rating, weight)} AS reason
    FROM (SELECT ordinal, file, line, problem, c0, c1, ${order} AS order_text,
      ${orderValueOf(source, order)} AS order_value,
      ${rating ? `TRY_CAST(${rating} AS DOUBLE)` : 'NULL::DOUBLE'} AS rating, ${rating ? `${rating}` : 'NULL'} AS rating_text,
      ${weight ? `TRY_CAST(${weight} AS DOUBLE)` : '1'} AS weight
      FROM ${staged.table})`);
  await connection.run(`DROP TABLE ${staged.table}`);
  const bad = await collectBadRows(connection, 'events', staged, 'checked_events', maxBadRows);

  const isKept = `reason IS NULL${rating ? ` AND rating >= ${source.minRating}` : ''}`;
  await connection.run(`CREATE TABLE events AS
    SELECT c0 AS user_id, c1 AS item_id, floor(order_value)::BIGINT AS time_ms, min(order_value) AS order_value,
      arg_min(weight, ordinal)::FLOAT AS weight, min(ordinal) AS ordinal
    FROM checked_events WHERE ${isKept} GROUP BY c0, c1, time_ms`);
  const counts = await queryRow<{ good: number; kept: number; unique_events: number }>(
    connection,
    `SELECT count(*) FILTER (reason IS NULL)::DOUBLE AS good, count(*) FILTER (${isKept})::DOUBLE AS kept,
      (SELECT count(*) FROM events)::DOUBLE AS unique_events FROM checked_events`,
  );
  await connection.run('DROP TABLE checked_events');
  const filtered = counts.good - counts.kept;
  if (counts.unique_events === 0 && !mayBeEmpty) throw noEvents(staged.rows, filtered, source.minRating);
  return { filtered, duplicates: counts.kept - counts.unique_events, bad };
}

/** Time in milliseconds with its fraction, or the position. */
function orderValueOf(source: EventsSource, column: string): string {
  if (source.timestampUnit === 'iso') return `epoch_us(TRY_CAST(${column} AS TIMESTAMPTZ)) / 1000`;
  const factor = source.timestampUnit === undefined ? 1 : MS_PER_UNIT[source.timestampUnit];
  // Rounded to the microsecond: 0.29 s is 290 ms, not 289.99999999999994.
  return factor === 1 ? `TRY_CAST(${column} AS DOUBLE)` : `round(TRY_CAST(${column} AS DOUBLE) * ${factor}, 3)`;
}

/** The first reason for which a row is bad, or NULL. */
function reasonOf(byPosition: boolean, rating: string | null, weight: string | null): string {
  const order = byPosition ? 'position' : 'timestamp';
  const cases: [condition: string, reason: string][] = [
    [isBlank('c0'), 'missing user id'],
    [isBlank('c1'), 'missing item id'],
    [isBlank('order_text'), `missing ${order}`],
    ['order_value IS NULL OR NOT isfinite(order_value)', `unreadable ${order}`],
    ['order_value < 0', `negative ${order}`],
  ];
  if (byPosition)
    cases.push([
      'order_value <> floor(order_value) OR order_value > 9007199254740991',
      'position is not a whole number',
    ]);
  else cases.push([`order_value > ${LAST_TIME_MS}`, 'timestamp after the year 9999: check timestampUnit']);
  if (rating) {
    cases.push([isBlank('rating_text'), 'missing rating']);
    cases.push(['rating IS NULL OR NOT isfinite(rating)', 'unreadable rating']);
  }
  if (weight) {
    cases.push(['weight IS NULL OR NOT isfinite(weight)', 'unreadable weight']);
    cases.push(['weight::FLOAT <= 0', 'weight is not above 0']);
  }
  const branches = cases.map(([condition, reason]) => `WHEN ${condition} THEN '${reason}'`);
  return `CASE WHEN problem IS NOT NULL THEN problem ${branches.join(' ')} END`;
}

function noEvents(rows: number, filtered: number, minRating: number | undefined): MicError {
  const why = filtered > 0 ? `: ${filtered} have a rating below ${minRating}` : '';
  return new MicError('FAILED_PRECONDITION', `no usable event among ${rows} rows${why}`, {
    remedy:
      filtered > 0 ? 'lower "minRating" in the schema file' : 'correct the mapping in the schema file or the rows',
    subject: 'events',
  });
}
