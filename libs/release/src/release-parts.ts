import { join } from 'node:path';
import type { ReleaseId } from '@mic/domain';
import { featureSchemaSchema, towerSignatureSchema, type FeatureSchema, type TowerSignature } from '@mic/features';
import type { ItemCatalog } from '@mic/recall';
import { readReleaseJson } from './check-contents';
import { readItemColumns, type ItemColumns } from './item-catalog';
import { FILES_OF_PART, RELEASE_FILES as FILES, type ReleasePart } from './layout';
import type { Manifest } from './manifest';
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

/** Item vectors and the index over them. */
export interface IndexFiles {
  /** items x dimension, over memory that threads share. */
  readonly vectors: Float32Array;
  /** File of the HNSW index; null where the index is exact. */
  readonly indexPath: string | null;
}

/** What the parts of a release are once they are open. */
export interface ReleaseParts {
  readonly towers: TowerFiles;
  readonly catalog: ItemCatalog;
  readonly index: IndexFiles;
}

/** The parts as they travel from the thread that reads them. */
export interface ReadParts {
  readonly towers?: TowerFiles;
  readonly catalog?: ItemColumns;
  readonly index?: IndexFiles;
}

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
  const towers = parts.includes('towers') ? await readTowers(directory) : undefined;
  const shared = parts.includes('index') ? await readSharedVectors(join(directory, FILES.itemVectors)) : undefined;
  const catalog = parts.includes('catalog') ? await readItemColumns(directory, manifest, shared) : undefined;
  const indexPath = manifest.index.kind === 'hnsw' ? join(directory, FILES.itemIndex) : null;
  const index = shared && { vectors: shared, indexPath };
  return { manifest, read: { towers, catalog, index } };
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
