import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { MicError } from '@mic/domain';

/** A column: its name in the header (Parquet: in the schema; JSON lines: the key), or its number from 1 in a file without header. */
const columnSchema = z.union([z.string().min(1), z.int().min(1)]);
export type ColumnRef = z.infer<typeof columnSchema>;

/** Names that the dataset's own columns have. */
const RESERVED_NAMES = ['user_id', 'item_id'];

const sourceShape = {
  /** Path or glob, or a list of them, relative to the schema file; a file may be gzipped (.gz). */
  files: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]),
  /** Default: by the file's extension (.csv, .tsv, .parquet, .jsonl, .ndjson). */
  format: z.enum(['csv', 'tsv', 'parquet', 'jsonl']).optional(),
  /** Default: a comma for csv, a tab for tsv. */
  delimiter: z
    .string()
    .min(1)
    .max(4)
    .regex(/^[\x01-\x7f]+$/, 'must be ASCII')
    .optional(),
  /** Default: the double quote; "" switches quoting off. A quote is doubled inside of a quoted value. */
  quote: z
    .string()
    .max(1)
    .regex(/^[\x01-\x7f]?$/, 'must be ASCII')
    .default('"'),
  /** Whether the first row holds the column names. */
  header: z.boolean().default(true),
  encoding: z.enum(['utf-8', 'latin-1']).default('utf-8'),
};

const fieldShape = {
  name: z
    .string()
    .min(1)
    .refine((name) => !RESERVED_NAMES.includes(name.toLowerCase()), 'this name is taken by the id column'),
  /** Default: the field's name. */
  column: columnSchema.optional(),
};
const tableFieldSchema = z.discriminatedUnion('type', [
  z.strictObject({ ...fieldShape, type: z.literal('categorical') }),
  z.strictObject({
    ...fieldShape,
    type: z.literal('multi'),
    /** Between the values of one cell; lists of JSON and Parquet need none. */
    separator: z.string().min(1).default('|'),
  }),
  /** Shown to people, such as a title; no feature. */
  z.strictObject({ ...fieldShape, type: z.literal('text') }),
  z.strictObject({ ...fieldShape, type: z.literal('numeric'), buckets: z.int().min(2).max(256).default(10) }),
]);
export type TableField = z.infer<typeof tableFieldSchema>;

const tableFieldsSchema = z
  .array(tableFieldSchema)
  .min(1)
  .refine(
    (fields) => new Set(fields.map((field) => field.name.toLowerCase())).size === fields.length,
    'two fields have the same name (case does not count)',
  );

const eventsSchema = z
  .strictObject({
    ...sourceShape,
    columns: z
      .strictObject({
        user: columnSchema,
        item: columnSchema,
        timestamp: columnSchema.optional(),
        /** A whole number from 0 that orders a user's events, where there are no times. */
        position: columnSchema.optional(),
        rating: columnSchema.optional(),
        weight: columnSchema.optional(),
      })
      .refine(
        (columns) => (columns.timestamp === undefined) !== (columns.position === undefined),
        'give either "timestamp" or "position"',
      ),
    /** Unit of the timestamp: seconds, milliseconds or microseconds since the epoch, or ISO 8601 (UTC unless it says otherwise). */
    timestampUnit: z.enum(['s', 'ms', 'us', 'iso']).optional(),
    /** Events with a lower rating are left out. */
    minRating: z.number().optional(),
  })
  .refine((events) => (events.columns.timestamp === undefined) === (events.timestampUnit === undefined), {
    path: ['timestampUnit'],
    error: '"timestampUnit" (s, ms, us or iso) goes with columns.timestamp',
  })
  .refine((events) => (events.columns.rating === undefined) === (events.minRating === undefined), {
    path: ['minRating'],
    error: '"minRating" goes with columns.rating',
  });

const usersSchema = z.strictObject({ ...sourceShape, id: columnSchema, fields: tableFieldsSchema });
const itemsSchema = z
  .strictObject({
    ...sourceShape,
    id: columnSchema,
    fields: tableFieldsSchema,
    /** Name of the field whose first value is the item's category. */
    category: z.string().optional(),
  })
  .refine(
    ({ fields, category }) =>
      category === undefined ||
      fields.some(({ name, type }) => name === category && (type === 'categorical' || type === 'multi')),
    { path: ['category'], error: 'must name a categorical or multi field of the items' },
  );

/** The schema file of `importTable`: where the tables are and what their columns mean. Unknown keys are refused. */
export const tableSchemaSchema = z.strictObject({
  name: z.string().min(1),
  events: eventsSchema,
  users: usersSchema.optional(),
  items: itemsSchema.optional(),
});
export type TableSchema = z.infer<typeof tableSchemaSchema>;
export type TableSource = Pick<
  TableSchema['events'],
  'files' | 'format' | 'delimiter' | 'quote' | 'header' | 'encoding'
>;
export type EventsSource = TableSchema['events'];
export type EntitySource = NonNullable<TableSchema['users']>;

/** A schema file that shows every option; it is printed by the command's help. */
export const SAMPLE_TABLE_SCHEMA = {
  name: 'shop',
  events: {
    files: ['clicks-*.csv.gz'],
    format: 'csv',
    delimiter: ',',
    quote: '"',
    header: true,
    encoding: 'utf-8',
    columns: { user: 'user_id', item: 'item_id', timestamp: 'clicked_at', rating: 'stars', weight: 'strength' },
    timestampUnit: 's',
    minRating: 4,
  },
  users: {
    files: 'users.jsonl',
    id: 'user_id',
    fields: [
      { name: 'age', type: 'numeric', buckets: 8 },
      { name: 'country', column: 'country_code', type: 'categorical' },
    ],
  },
  items: {
    files: 'items.tsv',
    header: false,
    id: 1,
    fields: [
      { name: 'title', column: 4, type: 'text' },
      { name: 'category', column: 2, type: 'categorical' },
      { name: 'tags', column: 3, type: 'multi', separator: '|' },
      { name: 'price', column: 5, type: 'numeric' },
    ],
    category: 'category',
  },
} satisfies z.input<typeof tableSchemaSchema>;

const SAMPLE_REMEDY = '`mic data import table --help` prints a complete schema file';

/** @throws MicError that names the file and the place in it. */
export async function readTableSchema(file: string): Promise<{ schema: TableSchema; baseDir: string }> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new MicError('NOT_FOUND', `cannot read the schema file ${file}`, {
      remedy: SAMPLE_REMEDY,
      subject: file,
      cause,
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MicError('INVALID_ARGUMENT', `${file} is not JSON: ${reason}`, {
      remedy: SAMPLE_REMEDY,
      subject: file,
      cause,
    });
  }
  const parsed = tableSchemaSchema.safeParse(value);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'schema'}: ${message}`);
    throw new MicError('INVALID_ARGUMENT', `${file}: ${problems.join('; ')}`, { remedy: SAMPLE_REMEDY, subject: file });
  }
  return { schema: parsed.data, baseDir: dirname(resolve(file)) };
}
