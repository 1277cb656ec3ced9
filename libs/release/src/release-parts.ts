import { join } from 'node:path';
import type { ReleaseId } from '@mic/domain';
import { featureSchemaSchema, towerSignatureSchema, type FeatureSchema, type TowerSignature } from '@mic/features';
import type { ItemCatalog } from '@mic/recall';
import { readReleaseJson } from './check-contents';
import { readItemColumns, type ItemColumns } from './item-catalog';
import { FILES_OF_PART, RELEASE_FILES as FILES, type ReleasePart } from './layout';
import type { IndexInfo, Manifest } from './manifest';
import { readBytes } from './read-bytes';
import type { Rest } from './rest';
import { readSharedVectors } from './shared-vectors';
import { requireIntact } from './verify-release';

/** Both towers, and what they read and give. */
export interface TowerFiles {
  readonly schema: FeatureSchema;
  readonly signature: TowerSignature;
  /** ONNX models. */
  readonly userTower: Uint8Array<ArrayBuffer>;
  readonly itemTower: Uint8Array<ArrayBuffer>;
}

/** What raw fields become, for whoever encodes them and runs no tower. */
export interface FeatureFiles {
  readonly schema: FeatureSchema;
}

/** Vectors of items, or of users, and the index over them. */
export interface IndexFiles {
  /** rows x dimension, over memory that threads share. */
  readonly vectors: Float32Array;
  /** File of the HNSW index; null where the index is exact. */
  readonly indexPath: string | null;
}

/** What the parts of a release are once they are open. */
export interface ReleaseParts {
  readonly towers: TowerFiles;
  readonly features: FeatureFiles;
  readonly catalog: ItemCatalog;
  readonly index: IndexFiles;
  /** Of users: the vector of each, the normalised mean where a user has several. */
  readonly userIndex: IndexFiles;
}

/** The parts as they travel from the thread that reads them. */
export type ReadParts = Partial<Omit<ReleaseParts, 'catalog'> & { readonly catalog: ItemColumns }>;

/** Some parts of a verified release. */
export type ServedRelease<P extends ReleasePart> = Pick<ReleaseParts, P> & {
  readonly releaseId: ReleaseId;
  readonly manifest: Manifest;
};

/**
 * Verifies what some parts of a release need, and reads them.
 *
 * @param rest between pieces of the work; none by default.
 * @throws MicError NOT_FOUND when there is no such folder; DATA_LOSS, naming every bad file, when verification fails.
 */
export async function readParts(
  directory: string,
  parts: readonly ReleasePart[],
  rest?: Rest,
): Promise<{ readonly manifest: Manifest; readonly read: ReadParts }> {
  const used = new Set(parts.flatMap((part) => FILES_OF_PART[part]));
  const manifest = await requireIntact(directory, { used, rest });
  const index = parts.includes('index') ? await readIndex(directory, manifest.index, ITEM_INDEX) : undefined;
  return {
    manifest,
    read: {
      ...(parts.includes('towers') && { towers: await readTowers(directory) }),
      ...(parts.includes('features') && { features: await readFeatures(directory) }),
      ...(parts.includes('catalog') && { catalog: await readItemColumns(directory, manifest, index?.vectors) }),
      ...(index && { index }),
      ...(parts.includes('userIndex') && { userIndex: await readIndex(directory, manifest.userIndex, USER_INDEX) }),
    },
  };
}

const ITEM_INDEX = { vectors: FILES.itemVectors, index: FILES.itemIndex };
const USER_INDEX = { vectors: FILES.userVectors, index: FILES.userIndex };

async function readIndex(directory: string, { kind }: IndexInfo, files: typeof ITEM_INDEX | typeof USER_INDEX) {
  const vectors = await readSharedVectors(join(directory, files.vectors));
  return { vectors, indexPath: kind === 'hnsw' ? join(directory, files.index) : null };
}

async function readFeatures(directory: string): Promise<FeatureFiles> {
  return { schema: (await readReleaseJson(directory, FILES.featureSchema, featureSchemaSchema)).value };
}

async function readTowers(directory: string): Promise<TowerFiles> {
  const [schema, signature, userTower, itemTower] = await Promise.all([
    readReleaseJson(directory, FILES.featureSchema, featureSchemaSchema),
    readReleaseJson(directory, FILES.towerSignature, towerSignatureSchema),
    readBytes(join(directory, FILES.userTower)),
    readBytes(join(directory, FILES.itemTower)),
  ]);
  return { schema: schema.value, signature: signature.value, userTower, itemTower };
}
