import { z } from 'zod';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** One file of a release; its path is relative to the release folder, with forward slashes. */
export const releaseFileSchema = z.strictObject({ path: z.string().min(1), sha256, bytes: z.int().min(0) });
export type ReleaseFile = z.infer<typeof releaseFileSchema>;

/** Figures of one list on held-out events, e.g. `HR@10`, `HR@50`, `NDCG@10`: 0 .. 1. */
export const listMetricsSchema = z.record(z.string(), z.number());

export const qualitySchema = z.strictObject({
  /** What was held out of training: `leave-one-out` = every user's last event; `none` = nothing, so no figures. */
  protocol: z.enum(['leave-one-out', 'none']),
  /** Users that were evaluated. */
  users: z.int().min(0),
  /** By list: u2i, u2u2i, u2i2i, merged, popularity, itemknn. */
  metrics: z.record(z.string(), listMetricsSchema),
});
export type Quality = z.infer<typeof qualitySchema>;

/** manifest.json: what a release is, and the checksum of everything in it. */
export const manifestSchema = z.strictObject({
  formatVersion: z.literal(1),
  id: z.string(),
  parent: z.string().nullable(),
  /** ISO 8601, UTC. */
  createdAt: z.string(),
  dataset: z.string(),
  encoder: z.string(),
  /** Length of user and item vectors. */
  dimension: z.int().min(1),
  /** Similarity of two vectors: dot product of unit vectors. */
  metric: z.literal('cosine'),
  /** sha256 of features/schema.json: two releases with the same one read the same fields in the same way. */
  featureSchemaSha256: sha256,
  counts: z.strictObject({
    users: z.int().min(0),
    items: z.int().min(1),
    events: z.int().min(0),
    categories: z.int().min(0),
  }),
  index: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('exact') }),
    z.strictObject({
      kind: z.literal('hnsw'),
      m: z.int(),
      efConstruction: z.int(),
      /** Default search width. */
      ef: z.int(),
      /** Share of the exact top 100 that the index finds on sampled users, 0 .. 1. */
      recallAt100: z.number(),
    }),
  ]),
  lists: z.strictObject({
    /** Entries per list at most. */
    u2u: z.int().min(0),
    i2i: z.int().min(0),
  }),
  training: z.record(z.string(), z.unknown()),
  quality: qualitySchema,
  files: z.array(releaseFileSchema),
});
export type Manifest = z.infer<typeof manifestSchema>;
