import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashIds, NO_ROW } from '@mic/domain';
import { fullSignature, type FeatureSchema } from '@mic/features';
import { RELEASE_FILES as FILES } from './layout';
import type { Manifest, ReleaseMeta } from './manifest';
import { ReleaseWriter } from './release-writer';

/** A release of 3 users and 4 items, small enough to check by eye; the towers are not real models. */
export const SMALL = {
  userIds: ['ann', 'böb', 'ζ'],
  itemIds: ['i-0', 'i-1', 'ítem-2', 'i-3'],
  userEmbeddings: Float32Array.of(1, 2, 3, 4, 5, 6),
  userProfiles: Int32Array.of(1, 0, 2),
  userVectors: Float32Array.of(1, 0, 0, 1, 0.6, 0.8),
  itemFields: Int32Array.of(1, 1, 0, 2, 1, 0, 2, 0, 0, 0, 0, 2),
  itemCategories: Uint32Array.of(1, 2, 0, 1),
  categoryNames: ['', 'Comedy', 'Drama'],
  itemPopularity: Float32Array.of(7, 5, 0, 1),
  itemEmbeddings: Float32Array.of(8, 7, 6, 5, 4, 3, 2, 1),
  itemVectors: Float32Array.of(1, 0, 0.8, 0.6, 0, 1, -1, 0),
  u2uRows: Uint32Array.of(2, NO_ROW, 2, 0, 1, 0),
  u2uSimilarities: Float32Array.of(0.6, 0, 0.8, 0, 0.8, 0.6),
  i2iRows: Uint32Array.of(1, 2, 0, 2, 1, NO_ROW, NO_ROW, NO_ROW),
  i2iSimilarities: Float32Array.of(0.8, 0, 0.8, 0.6, 0.6, 0, 0, 0),
  itemPopular: Uint32Array.of(0, 1, 0, 3, 1, NO_ROW),
};
export type SmallRelease = typeof SMALL;

const schema: FeatureSchema = {
  userFields: [{ name: 'age', type: 'numeric', boundaries: [18, 40] }],
  itemFields: [
    { name: 'genre', type: 'multi', vocabulary: ['Comedy', 'Drama'], width: 2 },
    { name: 'year', type: 'numeric', boundaries: [1990] },
  ],
  categoryField: 'genre',
};

const signature = fullSignature({
  dimension: 2,
  idDimension: 2,
  itemIdDimension: 2,
  vectorsPerUser: 1,
  longestHistory: 5,
  profileWidth: 1,
  itemFieldsWidth: 3,
  maskedUserRow: [0, 0],
  maskedItemRow: [0, 0],
});

const SMALL_INDEX = {
  exact: { kind: 'exact' },
  hnsw: { kind: 'hnsw', m: 16, efConstruction: 200, ef: 200, recallAt100: 1 },
} as const;

export function smallMeta(indexKind: 'exact' | 'hnsw' = 'exact'): ReleaseMeta {
  return {
    parent: null,
    createdAt: '2024-05-06T07:08:09.010Z',
    dataset: 'small',
    encoder: 'pooled',
    dimension: 2,
    metric: 'cosine',
    counts: { users: 3, items: 4, events: 13, categories: 2 },
    index: SMALL_INDEX[indexKind],
    userIndex: { kind: 'exact' },
    lists: {
      u2u: { length: 2, recall: 1 },
      i2i: { length: 2, recall: 1 },
      u2i: { length: 0, recall: 1 },
      popular: { length: 2 },
    },
    training: { steps: 10, note: undefined },
    quality: { protocol: 'leave-one-out', users: 3, metrics: { u2i: { 'HR@10': 0.5 } } },
    gate: { passed: true, checks: [] },
    build: { key: '0'.repeat(64), stages: [{ name: 'vectors', seconds: 0.5 }], peakBytes: 1 },
  };
}

/** Writes every file of the small release, with some parts replaced. */
export async function writeSmallFiles(writer: ReleaseWriter, changes: Partial<SmallRelease> = {}): Promise<void> {
  const parts = { ...SMALL, ...changes };
  await writer.writeJson(FILES.featureSchema, schema);
  await writer.writeBytes(FILES.userTower, Buffer.from('user tower'));
  await writer.writeBytes(FILES.itemTower, Buffer.from('item tower'));
  await writer.writeJson(FILES.towerSignature, signature);
  await writer.writeStrings(FILES.userIds, parts.userIds);
  await writer.writeArray(FILES.userEmbeddings, parts.userEmbeddings);
  await writer.writeArray(FILES.userProfiles, parts.userProfiles);
  await writer.writeArray(FILES.userVectors, parts.userVectors);
  await writer.writeStrings(FILES.itemIds, parts.itemIds);
  await writer.writeArray(FILES.itemHashes, hashIds(SMALL.itemIds));
  await writer.writeArray(FILES.itemFields, parts.itemFields);
  await writer.writeArray(FILES.itemCategories, parts.itemCategories);
  await writer.writeJson(FILES.categoryNames, parts.categoryNames);
  await writer.writeArray(FILES.itemPopularity, parts.itemPopularity);
  await writer.writeArray(FILES.itemEmbeddings, parts.itemEmbeddings);
  await writer.writeArray(FILES.itemVectors, parts.itemVectors);
  await writer.writeArray(FILES.u2uRows, parts.u2uRows);
  await writer.writeArray(FILES.u2uSimilarities, parts.u2uSimilarities);
  await writer.writeArray(FILES.i2iRows, parts.i2iRows);
  await writer.writeArray(FILES.i2iSimilarities, parts.i2iSimilarities);
  await writer.writeArray(FILES.itemPopular, parts.itemPopular);
}

/** Writes the small release into `<releasesDir>/<id>`. */
export async function writeSmallRelease(
  releasesDir: string,
  changes: Partial<SmallRelease> = {},
): Promise<{ directory: string; manifest: Manifest }> {
  const writer = await ReleaseWriter.open(releasesDir);
  await writeSmallFiles(writer, changes);
  const manifest = await writer.finish(smallMeta());
  return { directory: join(releasesDir, manifest.id), manifest };
}

/** Runs `use` with a new folder that is removed afterwards. */
export async function withTempDir<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'mic-release-'));
  try {
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
