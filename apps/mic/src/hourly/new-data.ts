import { dirname, join, resolve } from 'node:path';
import {
  listTableFiles,
  readTableSchema,
  tableSchemaSchema,
  type Addition,
  type TableFile,
  type TableSchema,
} from '@mic/dataset';
import { MicError } from '@mic/domain';
import { EventLog } from '@mic/event-log';
import type { SeenFile } from './hourly-state';
import type { ItemsTable } from './live-items-table';

/** Where new data comes from. */
export interface HourlySources {
  /** Folder of the event log, or null. */
  readonly eventLog: string | null;
  /** Schema file of tables, or null. */
  readonly schemaFile: string | null;
}

/** What of the sources is new. */
export interface FoundData {
  readonly segments: readonly string[];
  readonly files: readonly SeenFile[];
}

/** Closes the open segments of the log, and looks for segments and files that are not among those taken. */
export async function findNewData(
  { eventLog, schemaFile }: HourlySources,
  taken: { readonly segments: readonly string[]; readonly files: readonly SeenFile[] },
): Promise<FoundData> {
  const segments: string[] = [];
  if (eventLog !== null) {
    const log = new EventLog(eventLog);
    await log.closeOpen();
    const closed = await log.since({ taken: taken.segments });
    segments.push(...closed.filter(({ bytes }) => bytes > 0).map(({ name }) => name));
  }
  const known = new Set(taken.files.map(keyOf));
  const files = schemaFile === null ? [] : await filesOf(schemaFile);
  return {
    segments,
    files: files
      .map(({ path, bytes, changedMs }) => ({ path, bytes, changedMs }))
      .filter((file) => !known.has(keyOf(file))),
  };
}

/** @throws MicError FAILED_PRECONDITION when a run is to take what is of no source: it would count as taken, and nobody have read it. */
export function checkGiven({ eventLog, schemaFile }: HourlySources, { segments, files }: FoundData): void {
  if (segments.length > 0 && eventLog === null)
    throw notGiven(`${segments.length} segments of the event log`, '--event-log DIR');
  if (files.length > 0 && schemaFile === null) throw notGiven(`${files.length} files of a schema`, '--schema FILE');
}

const notGiven = (what: string, flag: string): MicError =>
  new MicError('FAILED_PRECONDITION', `the run was begun with ${what}, and goes on without it`, {
    subject: flag,
    remedy: `call it again: with ${flag} they are taken, without it they stay for a later run`,
  });

/** Those of some segments that are still in the log: they go by hand, and when they are older than MIC_EVENT_LOG_KEEP_DAYS. */
export async function segmentsThere({ eventLog }: HourlySources, names: readonly string[]): Promise<readonly string[]> {
  if (eventLog === null) return [];
  const there = new Set((await new EventLog(eventLog).segments()).map(({ name }) => name));
  return names.filter((name) => there.has(name));
}

/**
 * New tables as a dataset is extended by them: those of the log first.
 * @param liveItems of the services that wrote the log; they say some fields of an item only, and a value that is none is left out.
 */
export async function additionsOf(
  { eventLog, schemaFile }: HourlySources,
  { segments, files }: FoundData,
  liveItems: ItemsTable | null = null,
): Promise<readonly Addition[]> {
  const ofLog = eventLog !== null && segments.length > 0 ? logAdditions(eventLog, segments, liveItems) : [];
  if (schemaFile === null) return ofLog;
  const tables = await newTables(schemaFile, files);
  return tables === null ? ofLog : [...ofLog, tables];
}

/** The schema with only its new files; null where there is none. */
export async function newTables(schemaFile: string, files: readonly SeenFile[]): Promise<Addition | null> {
  const { schema, baseDir } = await readTableSchema(schemaFile);
  const isNew = new Set(files.map(({ path }) => path));
  const found = (await listTableFiles(schema, baseDir)).filter(({ path }) => isNew.has(path));
  const pathsOf = (table: TableFile['table']): string[] =>
    found.filter((file) => file.table === table).map(({ path }) => path);
  if (found.length === 0) return null;
  const ofTable = (table: 'users' | 'items'): TableSchema['users'] => {
    const paths = pathsOf(table);
    return schema[table] && paths.length > 0 ? { ...schema[table], files: paths } : undefined;
  };
  const events = { ...schema.events, files: pathsOf('events') };
  return { baseDir, schema: { ...schema, events, users: ofTable('users'), items: ofTable('items') } };
}

/** The tables without users and items; null where there is no new file of events. */
export function eventsOf(tables: Addition | null): TableSchema | null {
  if (tables === null || tables.schema.events.files.length === 0) return null;
  return { ...tables.schema, users: undefined, items: undefined };
}

/** A line that a crash has torn, of which nothing was answered, is the last of its segment: one a segment is no cause for alarm. */
function logAdditions(folder: string, segments: readonly string[], liveItems: ItemsTable | null): Addition[] {
  const baseDir = resolve(folder);
  const schema = tableSchemaSchema.parse({
    name: 'event log',
    events: {
      files: segments.map((name) => join(baseDir, name)),
      format: 'jsonl',
      columns: { user: 'user_id', item: 'item_id', timestamp: 'time_ms', weight: 'weight' },
      timestampUnit: 'ms',
    },
  });
  const events: Addition = { schema, baseDir, maxBadRows: segments.length, mayBeEmpty: true };
  if (liveItems === null) return [events];
  const items = { ...withoutEvents(schema), items: liveItems };
  return [{ schema: items, baseDir, maxBadRows: Infinity, rowsArePartial: true }, events];
}

const withoutEvents = (schema: TableSchema): TableSchema => ({ ...schema, events: { ...schema.events, files: [] } });

async function filesOf(schemaFile: string): Promise<readonly TableFile[]> {
  const { schema } = await readTableSchema(schemaFile);
  return listTableFiles(schema, dirname(resolve(schemaFile)));
}

const keyOf = ({ path, bytes, changedMs }: SeenFile): string => JSON.stringify([path, bytes, changedMs]);
