import type { Manifest } from './manifest';

/** Name of the manifest in a release folder. */
export const MANIFEST_FILE = 'manifest.json';

/**
 * Files of a release, relative to its folder. All numbers are little-endian. U and I are the numbers of users and
 * items, D is the vectors' dimension, E and F are those of the users' and the items' id rows, K is the longest neighbour
 * list.
 */
export const RELEASE_FILES = {
  /** FeatureSchema. */
  featureSchema: 'features/schema.json',
  userTower: 'towers/user.onnx',
  itemTower: 'towers/item.onnx',
  /** SignatureFile: what the towers read and give, and where the files beside it are; `mic build --signature` takes it. */
  towerSignature: 'towers/signature.json',
  /** String table (users/ids.utf8 and users/ids.offsets.u32). */
  userIds: 'users/ids',
  /** U x E float32: the id rows that the user tower takes as input. */
  userEmbeddings: 'users/embeddings.f32',
  /** U x profileWidth int32. */
  userProfiles: 'users/profiles.i32',
  /** U x D float32, unit vectors. */
  userVectors: 'users/vectors.f32',
  /** String table. */
  itemIds: 'items/ids',
  /** I x uint64: hashIds of the item ids. */
  itemHashes: 'items/hashes.u64',
  /** I x itemFieldsWidth int32. */
  itemFields: 'items/fields.i32',
  /** I x uint32: index into the category names, 0 = none. */
  itemCategories: 'items/categories.u32',
  /** Array of names; the first is ''. */
  categoryNames: 'items/categories.json',
  /** I x float32: training events. */
  itemPopularity: 'items/popularity.f32',
  /** I x F float32. */
  itemEmbeddings: 'items/embeddings.f32',
  /** I x D float32, unit vectors. */
  itemVectors: 'items/vectors.f32',
  /** hnswlib index over the item vectors; only where the manifest's index is of kind hnsw. */
  itemIndex: 'items/index.hnsw',
  /** hnswlib index over the user vectors; only where the manifest's userIndex is of kind hnsw. */
  userIndex: 'users/index.hnsw',
  /** (categories + 1) x P uint32 item rows, most events first, padded with NO_ROW; the first list is of all items. */
  itemPopular: 'items/popular.u32',
  /** U x K uint32 user rows, best first, padded with NO_ROW. */
  u2uRows: 'lists/u2u.rows.u32',
  /** U x K float32, padded with 0. */
  u2uSimilarities: 'lists/u2u.sims.f32',
  /** I x K uint32 item rows, best first, padded with NO_ROW. */
  i2iRows: 'lists/i2i.rows.u32',
  /** I x K float32, padded with 0. */
  i2iSimilarities: 'lists/i2i.sims.f32',
  /** U x K uint32 item rows, best first, padded with NO_ROW; only where the manifest has such lists. */
  u2iRows: 'lists/u2i.rows.u32',
  /** U x K float32, padded with 0. */
  u2iSimilarities: 'lists/u2i.sims.f32',
} as const;

/** The paths that a release with this manifest must list. */
export function requiredFiles(manifest: Pick<Manifest, 'index' | 'userIndex' | 'lists'>): readonly string[] {
  const { userIds, itemIds, itemIndex, userIndex, u2iRows, u2iSimilarities, ...files } = RELEASE_FILES;
  return [
    ...Object.values(files),
    ...stringTableFiles(userIds),
    ...stringTableFiles(itemIds),
    ...(manifest.index.kind === 'hnsw' ? [itemIndex] : []),
    ...(manifest.userIndex.kind === 'hnsw' ? [userIndex] : []),
    ...(manifest.lists.u2i.length > 0 ? [u2iRows, u2iSimilarities] : []),
  ];
}

/** The two files of a string table. */
export function stringTableFiles(base: string): readonly [utf8: string, offsets: string] {
  return [`${base}.utf8`, `${base}.offsets.u32`];
}

/** What one kind of reader uses of a release. */
export type ReleasePart = 'towers' | 'features' | 'catalog' | 'index' | 'userIndex';

/** The files of each part; an index file is read where the manifest's index has one. */
export const FILES_OF_PART: Readonly<Record<ReleasePart, readonly string[]>> = {
  towers: [RELEASE_FILES.featureSchema, RELEASE_FILES.towerSignature, RELEASE_FILES.userTower, RELEASE_FILES.itemTower],
  features: [RELEASE_FILES.featureSchema],
  catalog: [
    ...stringTableFiles(RELEASE_FILES.itemIds),
    RELEASE_FILES.itemHashes,
    RELEASE_FILES.itemCategories,
    RELEASE_FILES.categoryNames,
    RELEASE_FILES.itemPopularity,
    RELEASE_FILES.itemPopular,
    RELEASE_FILES.itemVectors,
  ],
  index: [RELEASE_FILES.itemVectors, RELEASE_FILES.itemIndex],
  userIndex: [RELEASE_FILES.userVectors, RELEASE_FILES.userIndex],
};
