import { z } from 'zod';

/** A field of the users or items table of a dataset. */
export const datasetFieldSchema = z.discriminatedUnion('type', [
  z.strictObject({ name: z.string().min(1), type: z.literal('categorical') }),
  z.strictObject({ name: z.string().min(1), type: z.literal('multi') }),
  /** Shown to people, such as a title; no feature. */
  z.strictObject({ name: z.string().min(1), type: z.literal('text') }),
  z.strictObject({
    name: z.string().min(1),
    type: z.literal('numeric'),
    /** Quantile buckets wanted. */
    buckets: z.int().min(2).max(256),
  }),
]);
export type DatasetField = z.infer<typeof datasetFieldSchema>;

const badRowsSchema = z.strictObject({
  table: z.enum(['events', 'users', 'items']),
  /** File as it was named to the importer. */
  file: z.string(),
  reason: z.string(),
  count: z.int().min(1),
  /** Physical lines from 1, ascending, the first ones only; for Parquet the row numbers from 1. */
  lines: z.array(z.int().min(1)),
});
/** Rows of one file that were left out for one reason. */
export type BadRows = z.infer<typeof badRowsSchema>;

/** dataset.json: what a dataset directory holds. */
export const datasetInfoSchema = z.strictObject({
  formatVersion: z.literal(1),
  name: z.string().min(1),
  /** Where the data came from, for people. */
  source: z.string(),
  /** What time_ms of the events is: milliseconds since the epoch, or a position. */
  order: z.enum(['timestamp', 'position']),
  userFields: z.array(datasetFieldSchema),
  itemFields: z.array(datasetFieldSchema),
  /** Item field whose first value is the item's category. */
  categoryField: z.string().nullable(),
  counts: z.strictObject({
    events: z.int().min(1),
    /** Users and items that have events. */
    users: z.int().min(1),
    items: z.int().min(1),
    /** Rows of the users and items tables. */
    userRows: z.int().min(0),
    itemRows: z.int().min(0),
  }),
  skipped: z.strictObject({
    /** Events below the rating threshold. */
    filtered: z.int().min(0),
    /** Events that repeat another one's user, item and time. */
    duplicates: z.int().min(0),
    bad: z.array(badRowsSchema),
  }),
});
export type DatasetInfo = z.infer<typeof datasetInfoSchema>;

/** Files of a dataset directory. */
export const DATASET_FILES = {
  info: 'dataset.json',
  /** user_id, item_id VARCHAR; time_ms BIGINT; weight FLOAT; seq BIGINT: see writeDataset. */
  events: 'events.parquet',
  /** user_id VARCHAR, then a column per field: VARCHAR, VARCHAR[] (multi) or DOUBLE (numeric). */
  users: 'users.parquet',
  items: 'items.parquet',
} as const;

/** Where the tables of an open dataset are. */
export interface DatasetFiles {
  readonly events: string;
  readonly users: string;
  readonly items: string;
}
