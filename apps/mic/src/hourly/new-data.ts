import { dirname, join, resolve } from 'node:path';
import {
  listTableFiles,
  readTableSchema,
  tableSchemaSchema,
  type Addition,
  type TableFile,
  type TableSchema,
} from '@mic/dataset';
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
  const ofFiles = schemaFile === null ? null : await newTables(schemaFile, files);
  return ofFiles ? [...ofLog, { ...ofFiles, mayBeEmpty: false }] : ofLog;
}

/** The schema with the new files alone, of events maybe none; null when none of them is of the schema. */
export async function newTables(
  schemaFile: string,
  files: readonly SeenFile[],
): Promise<{ readonly schema: TableSchema; readonly baseDir: string } | null> {
  const { schema, baseDir } = await readTableSchema(schemaFile);
  const isNew = new Set(files.map(({ path }) => path));
  const found = (await listTableFiles(schema, baseDir)).filter(({ path }) => isNew.has(path));
  const pathsOf = (table: TableFile['table']): string[] =>
    found.filter((file) => file.table === table).map(({ path }) => path);
  const [events, users, items] = [pathsOf('events'), pathsOf('users'), pathsOf('items')];
  if (found.length === 0) return null;
  return {
    baseDir,
    schema: {
      ...schema,
      events: { ...schema.events, files: events },
      users: schema.users && users.length > 0 ? { ...schema.users, files: users } : undefined,
      items: schema.items && items.length > 0 ? { ...schema.items, files: items } : undefined,
    },
  };
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
