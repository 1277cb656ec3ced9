import { createHash } from 'node:crypto';
import { parseReleaseId } from '@mic/domain';
import type { ReleaseSummary } from '@mic/recall';
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

/** A manifest before it is sealed. */
export const unsealedManifestSchema = z.strictObject({
  formatVersion: z.literal(1),
  /** `r<UTC yyyymmddhhmmss>-<8 hex>`: the time of the build and the start of a hash of everything below. */
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
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
    /** Named categories; "none" is not counted. */
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
  /** Every file of the release but this one, by path. */
  files: z.array(releaseFileSchema),
});

/** manifest.json: what a release is, and the checksum of everything in it. */
export const manifestSchema = unsealedManifestSchema.extend({
  /** sha256 of the canonical bytes of this manifest without this field. */
  manifestSha256: sha256,
});
export type Manifest = z.infer<typeof manifestSchema>;

/** What a store, and a service, tells of a release. */
export function releaseSummary(manifest: Manifest): ReleaseSummary {
  const { id, manifestSha256, parent, createdAt, encoder, dimension, featureSchemaSha256, counts } = manifest;
  return {
    releaseId: parseReleaseId(id),
    manifestSha256,
    parentId: parent,
    createdAt,
    encoder,
    dimension,
    featureSchemaSha256,
    users: counts.users,
    items: counts.items,
  };
}

/** What the builder says of a release; the writer adds the rest. */
export type ReleaseMeta = Omit<Manifest, 'formatVersion' | 'id' | 'featureSchemaSha256' | 'files' | 'manifestSha256'>;

/** The one form in which a manifest is written: two-space JSON in the schema's key order, with a final line break. */
export function canonicalManifest(manifest: Manifest): string {
  return canonicalJson(manifestSchema.parse(manifest));
}

/** sha256 (hex) of a manifest's canonical bytes without `manifestSha256`. */
export function manifestDigest(manifest: z.infer<typeof unsealedManifestSchema>): string {
  const unsealed = unsealedManifestSchema.strip().parse(manifest);
  return createHash('sha256').update(canonicalJson(unsealed)).digest('hex');
}

/** JSON as release files hold it. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, null, 2) + '\n';
}
