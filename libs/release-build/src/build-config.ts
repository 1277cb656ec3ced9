import { z } from 'zod';

/** Knobs of a release build; every one has a default. */
export const buildConfigSchema = z.strictObject({
  /** Similar users kept per user. */
  u2uLength: z.int().min(1).max(1000).default(50),
  /** Similar items kept per item. */
  i2iLength: z.int().min(1).max(1000).default(100),
  /** How far items that training has not seen are moved from the mean user (see newItemPlacer). */
  newItemShifts: z
    .strictObject({
      fieldsAlone: z.number().min(-2).max(2).default(-0.2),
      withUsers: z.number().min(-2).max(2).default(0.8),
    })
    .prefault({}),
  /** Below this number of items the index is exact: faster there, and never wrong. */
  exactBelowItems: z.int().min(0).default(10_000),
  hnsw: z
    .strictObject({
      m: z.int().min(2).max(100).default(16),
      efConstruction: z.int().min(10).max(2000).default(200),
      ef: z.int().min(10).max(4000).default(200),
    })
    .prefault({}),
  /** Users evaluated at most; a larger dataset is sampled with the model's seed. */
  evaluatedUsers: z.int().min(1).default(5_000),
});
export type BuildConfig = z.infer<typeof buildConfigSchema>;
