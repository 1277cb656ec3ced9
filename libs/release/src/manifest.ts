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
  /**
   * What was held out of training: `leave-one-out` = every user's last event; `sampled-last` = that of every tenth user;
   * `none` = nothing, so no figures.
   */
  protocol: z.enum(['leave-one-out', 'sampled-last', 'none']),
  /** Users that were evaluated. */
  users: z.int().min(0),
  /** By list: u2i, u2u2i, u2i2i, merged, popularity, itemknn. */
  metrics: z.record(z.string(), listMetricsSchema),
});
export type Quality = z.infer<typeof qualitySchema>;

/** How rows are searched: every one looked at, or an HNSW graph. */
const indexSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('exact') }),
  z.strictObject({
    kind: z.literal('hnsw'),
    m: z.int(),
    efConstruction: z.int(),
    /** Default search width. */
    ef: z.int(),
    /** Share of the exact top 100 that the index finds on sampled queries, 0 .. 1. */
    recallAt100: z.number(),
  }),
]);
export type IndexInfo = z.infer<typeof indexSchema>;

/** The lists of one kind: as many as there are users (or items), each of at most `length` entries. */
const listsSchema = z.strictObject({
  length: z.int().min(0),
  /** Share of the entries of exact lists that are in these, on a sample, 0 .. 1; 1 where lists are exact. */
  recall: z.number().min(0).max(1),
});

/** One check of the quality gate. */
export const gateCheckSchema = z.strictObject({
  /** e.g. `items.recallAt100`. */
  name: z.string(),
  /** What was found; null where it does not apply, and then `note` says why. */
  value: z.number().nullable(),
  /** The bound that it was held to; null where it is reported only. */
  least: z.number().nullable(),
  most: z.number().nullable(),
  passed: z.boolean(),
  note: z.string().optional(),
});
export type GateCheck = z.infer<typeof gateCheckSchema>;

/** A stage of the build that made a release. */
export const buildStageSchema = z.strictObject({ name: z.string(), seconds: z.number().min(0) });

/** A manifest before it is sealed. */
export const unsealedManifestSchema = z.strictObject({
  formatVersion: z.literal(2),
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
  /** Over the items' vectors. */
  index: indexSchema,
  /** Over the users' vectors (the normalised mean where a user has several). */
  userIndex: indexSchema,
  lists: z.strictObject({
    /** Similar users of a user. */
    u2u: listsSchema,
    /** Similar items of an item. */
    i2i: listsSchema,
    /** Items for a user; length 0 where the release has none. */
    u2i: listsSchema,
    /** Most popular items: of all, and of each category. */
    popular: z.strictObject({ length: z.int().min(0) }),
  }),
  training: z.record(z.string(), z.unknown()),
  quality: qualitySchema,
  gate: z.strictObject({ passed: z.boolean(), checks: z.array(gateCheckSchema) }),
  build: z.strictObject({
    /** sha256 of what the release follows from: model, dataset, configuration, gate, parent. */
    key: sha256,
    stages: z.array(buildStageSchema),
    /** Largest resident memory of the building process so far, bytes. */
    peakBytes: z.int().min(0),
  }),
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
