import { z } from 'zod';
import { MicError } from '@mic/domain';

/** Every knob of a training run, with its default. Unknown knobs are refused. */
export const trainingConfigSchema = z.strictObject({
  /** Length of user and item vectors. */
  dimension: z.int().min(4).max(512).default(64),
  /** Length of an id embedding; the towers' id inputs have it. */
  idDimension: z.int().min(4).max(512).default(64),
  /** Length of a field embedding. */
  fieldDimension: z.int().min(1).max(128).default(8),
  /** Width of the hidden layer of a tower. */
  hidden: z.int().min(4).max(4096).default(128),
  /** Events of a user's history that the user tower reads. */
  longestHistory: z.int().min(1).max(1000).default(50),
  /** Users of an item that the item tower reads, drawn anew for every pair. */
  itemUsers: z.int().min(1).max(1000).default(50),
  /** Weight of the event before the newest one relative to it, at the start of training; it is learned. */
  recency: z.number().min(0.01).max(0.999).default(0.8),
  /** Temperature of the softmax over similarities. */
  temperature: z.number().min(0.01).max(10).default(0.1),
  /** Share of the log-Q correction that is applied, 0 .. 1. */
  logQ: z.number().min(0).max(1).default(1),
  /** Chance that a user's, an item's or a history entry's id is masked in a pair. */
  maskUserId: z.number().min(0).max(1).default(0.1),
  maskItemId: z.number().min(0).max(1).default(0.05),
  maskHistoryId: z.number().min(0).max(1).default(0.05),
  /** Standard deviation of the id embeddings at the start. */
  initialScale: z.number().min(1e-6).max(10).default(0.05),
  /** Pairs per step; a dataset with fewer pairs than 8 batches takes a smaller one. */
  batchSize: z.int().min(8).max(16_384).default(512),
  epochs: z.int().min(1).max(1000).default(8),
  /** Steps at most; 0: as the epochs say. */
  maxSteps: z.int().min(0).default(0),
  learningRate: z.number().min(1e-7).max(1).default(0.004),
  warmUpSteps: z.int().min(0).default(50),
  /** Learning rate at the end as a share of the highest. */
  finalRate: z.number().min(0).max(1).default(0.05),
  beta1: z.number().min(0).max(0.9999).default(0.9),
  beta2: z.number().min(0).max(0.99999).default(0.999),
  /** Share of users, at most 1,000, whose last event left in training is held out to validate on. */
  validationShare: z.number().min(0).max(0.5).default(0.1),
});
export type TrainingConfig = z.infer<typeof trainingConfigSchema>;

/** Names of all knobs. */
export const KNOBS: readonly string[] = Object.keys(trainingConfigSchema.shape);

/**
 * A checked configuration from what a file and `--set name=value` flags say; flags win.
 *
 * @throws MicError INVALID_ARGUMENT that names the knob, and the knobs that there are.
 */
export function parseTrainingConfig(file: unknown, settings: readonly string[] = []): TrainingConfig {
  const overrides = Object.fromEntries(settings.map(parseSetting));
  const parsed = trainingConfigSchema.safeParse({ ...(file as object | undefined), ...overrides });
  if (parsed.success) return parsed.data;
  throw new MicError('INVALID_ARGUMENT', `training configuration: ${z.prettifyError(parsed.error)}`, {
    subject: 'config',
    remedy: `the knobs are ${KNOBS.join(', ')}`,
  });
}

function parseSetting(setting: string): [string, unknown] {
  const equals = setting.indexOf('=');
  if (equals < 1) {
    throw new MicError('INVALID_ARGUMENT', `--set ${setting}: no value`, { remedy: 'write --set name=value' });
  }
  const text = setting.slice(equals + 1);
  const value = text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);
  return [setting.slice(0, equals), value];
}
