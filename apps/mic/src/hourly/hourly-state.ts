import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MicError } from '@mic/domain';
import { z } from 'zod';
import type { Home } from '../home';

const fileSchema = z.strictObject({ path: z.string(), bytes: z.int(), changedMs: z.number() });
/** A file of the sources as it was when it was looked at. */
export type SeenFile = z.infer<typeof fileSchema>;

const newDataSchema = z.strictObject({
  events: z.int(),
  users: z.int(),
  items: z.int(),
  duplicates: z.int(),
  expired: z.int(),
  badRows: z.int(),
  /** Segments of the event log that were gone when the run came to read them. */
  missingSegments: z.int().default(0),
});
/** What a run found in its sources. */
export type NewData = z.infer<typeof newDataSchema>;

/** Steps of a run, in their order. */
export const HOURLY_STEPS = ['dataset', 'history', 'train', 'build', 'publish'] as const;
export type HourlyStep = (typeof HOURLY_STEPS)[number];

const stepSchema = z.strictObject({ name: z.enum(HOURLY_STEPS), seconds: z.number() });

const runSchema = z.strictObject({
  /** `h<UTC yyyymmddhhmmss>`: names its dataset and its model. */
  id: z.string().regex(/^h\d{14}$/),
  startedAt: z.string(),
  /** Names of the segments of the event log that it takes. */
  segments: z.array(z.string()),
  files: z.array(fileSchema),
  /** Starts from nothing instead of the last model. */
  cold: z.boolean(),
  done: z.array(stepSchema),
  newData: newDataSchema.nullable(),
  releaseId: z.string().nullable(),
  /** Checks of the gate that failed; null until it was judged. */
  gateFailed: z.array(z.string()).nullable(),
});
/** A run under way. */
export type HourlyRun = z.infer<typeof runSchema>;

const summarySchema = z.strictObject({
  outcome: z.enum(['published', 'nothing-new', 'gate-failed', 'failed', 'busy']),
  runId: z.string().nullable(),
  startedAt: z.string(),
  endedAt: z.string(),
  seconds: z.number(),
  /** True when an earlier process had begun the run. */
  resumed: z.boolean(),
  newData: newDataSchema.nullable(),
  steps: z.array(stepSchema),
  releaseId: z.string().nullable(),
  gateFailed: z.array(z.string()),
  error: z.strictObject({ code: z.string(), message: z.string(), remedy: z.string().nullable() }).nullable(),
});
/** What a run tells at its end. */
export type HourlySummary = z.infer<typeof summarySchema>;

const stateSchema = z.strictObject({
  formatVersion: z.literal(1),
  /** Dataset that the first run began with. */
  begunWith: z.string(),
  /** The newest dataset. */
  dataset: z.string(),
  /** Model folder that the next run starts from; null before a release has passed. */
  model: z.string().nullable(),
  /** Segments and files that are in the dataset. */
  takenSegments: z.array(z.string()),
  takenFiles: z.array(fileSchema),
  run: runSchema.nullable(),
  last: summarySchema.nullable(),
});
export type HourlyState = z.infer<typeof stateSchema>;

export const hourlyFolder = (home: Home): string => join(home.dir, 'hourly');
const stateFile = (home: Home): string => join(hourlyFolder(home), 'state.json');

/** @returns null before the first run. @throws MicError DATA_LOSS when the file is no state of this version. */
export async function readHourlyState(home: Home): Promise<HourlyState | null> {
  const file = stateFile(home);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return null;
  try {
    return stateSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new MicError('DATA_LOSS', `${file} is no state of the hourly run: ${(cause as Error).message}`, {
      subject: file,
      remedy: 'restore it from a backup, or move it away and begin again with --data',
      cause,
    });
  }
}

/** Replaces the state, whole and on the disk when this resolves. */
export async function writeHourlyState(home: Home, state: HourlyState): Promise<void> {
  const file = stateFile(home);
  await mkdir(dirname(file), { recursive: true });
  const handle = await open(`${file}.new`, 'w');
  try {
    await handle.writeFile(`${JSON.stringify(stateSchema.parse(state), null, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.new`, file);
}
