import { join } from 'node:path';
import { MicError, NO_ROW, parseReleaseId, type ReleaseId, type ScoredLists } from '@mic/domain';
import { featureSchemaSchema, towerSignatureSchema, type FeatureSchema, type TowerSignature } from '@mic/features';
import type { ItemCatalog, PublishedUser, ReleaseShape } from '@mic/recall';
import { readReleaseJson } from './check-contents';
import { readColumn } from './columns';
import { loadItemCatalog } from './item-catalog';
import { RELEASE_FILES as FILES, stringTableFiles } from './layout';
import type { Manifest } from './manifest';
import { readBytes } from './read-bytes';
import { readStringTable } from './string-table';
import { inspectRelease } from './verify-release';

/** Neighbour lists of the item rows firstRow, firstRow + 1, ... */
export interface SimilarItemsBatch {
  readonly firstRow: number;
  readonly lists: ScoredLists;
}

/** A verified release: what serving needs is in memory, what publishing needs is read when it is asked for. */
export interface OpenRelease {
  readonly releaseId: ReleaseId;
  readonly directory: string;
  readonly manifest: Manifest;
  readonly schema: FeatureSchema;
  readonly signature: TowerSignature;
  readonly catalog: ItemCatalog;
  /** ONNX models. */
  readonly userTower: Uint8Array;
  readonly itemTower: Uint8Array;
  /** File of the HNSW index over items; null where the index is exact. */
  readonly indexPath: string | null;
  /** Likewise over users. */
  readonly userIndexPath: string | null;
  /** All users in row order, `batchRows` at a time (1000 by default). */
  readUsers(batchRows?: number): AsyncGenerator<PublishedUser[]>;
  /** Rows and ids of all users, likewise. */
  readUserIds(batchRows?: number): AsyncGenerator<Pick<PublishedUser, 'row' | 'userId'>[]>;
  /** How large it will be in a store. */
  shape(): Promise<ReleaseShape>;
  /** Similar items of all items in row order, `batchRows` at a time (1000 by default), without padding. */
  readSimilarItems(batchRows?: number): AsyncGenerator<SimilarItemsBatch>;
}

const BATCH_ROWS = 1000;

/**
 * Verifies a release and opens it.
 *
 * @throws MicError NOT_FOUND when there is no such folder; DATA_LOSS, naming every bad file, when verification fails.
 */
export async function openRelease(directory: string): Promise<OpenRelease> {
  const { report, manifest } = await inspectRelease(directory);
  if (!manifest) {
    const what = report.problems.map(({ path, problem, found }) => `${path} (${problem}: ${found})`).join(', ');
    throw new MicError('DATA_LOSS', `the release in ${directory} is damaged: ${what}`, {
      subject: report.problems[0]!.path,
      remedy: `${report.problems[0]!.remedy}; \`mic releases verify\` lists every file`,
    });
  }
  const releaseId = parseReleaseId(manifest.id);
  const [schema, signature, userTower, itemTower, catalog] = await Promise.all([
    readReleaseJson(directory, FILES.featureSchema, featureSchemaSchema),
    readReleaseJson(directory, FILES.towerSignature, towerSignatureSchema),
    readBytes(join(directory, FILES.userTower)),
    readBytes(join(directory, FILES.itemTower)),
    loadItemCatalog(directory, manifest, releaseId),
  ]);
  return {
    releaseId,
    directory,
    manifest,
    schema: schema.value,
    signature: signature.value,
    catalog,
    userTower,
    itemTower,
    indexPath: manifest.index.kind === 'hnsw' ? join(directory, FILES.itemIndex) : null,
    userIndexPath: manifest.userIndex.kind === 'hnsw' ? join(directory, FILES.userIndex) : null,
    readUsers: (batchRows = BATCH_ROWS) => readUsers(directory, manifest, signature.value, batchRows),
    readUserIds: (batchRows = BATCH_ROWS) => readUserIds(directory, manifest, batchRows),
    shape: () => shapeOf(directory, manifest, signature.value),
    readSimilarItems: (batchRows = BATCH_ROWS) => readSimilarItems(directory, manifest, batchRows),
  };
}

async function* readUsers(
  directory: string,
  { counts, lists }: Manifest,
  { idDimension, profileWidth }: TowerSignature,
  batchRows: number,
): AsyncGenerator<PublishedUser[]> {
  const ids = await readStringTable(join(directory, FILES.userIds));
  const width = lists.u2u.length;
  for (const { start, count } of batches(counts.users, batchRows)) {
    const range = (width: number) => ({ start: start * width, count: count * width });
    const [embeddings, profiles, rows, similarities] = await Promise.all([
      readColumn(join(directory, FILES.userEmbeddings), Float32Array, range(idDimension)),
      readColumn(join(directory, FILES.userProfiles), Int32Array, range(profileWidth)),
      readColumn(join(directory, FILES.u2uRows), Uint32Array, range(lists.u2u.length)),
      readColumn(join(directory, FILES.u2uSimilarities), Float32Array, range(lists.u2u.length)),
    ]);
    yield Array.from({ length: count }, (_, i) => {
      const length = listLength(rows, i, width);
      return {
        row: start + i,
        userId: ids.at(start + i),
        embedding: embeddings.subarray(i * idDimension, (i + 1) * idDimension),
        profile: profiles.subarray(i * profileWidth, (i + 1) * profileWidth),
        similarRows: rows.subarray(i * width, i * width + length),
        similarities: similarities.subarray(i * width, i * width + length),
      };
    });
  }
}

async function* readUserIds(
  directory: string,
  { counts }: Manifest,
  batchRows: number,
): AsyncGenerator<Pick<PublishedUser, 'row' | 'userId'>[]> {
  const ids = await readStringTable(join(directory, FILES.userIds));
  for (const { start, count } of batches(counts.users, batchRows)) {
    yield Array.from({ length: count }, (_, i) => ({ row: start + i, userId: ids.at(start + i) }));
  }
}

async function shapeOf(
  directory: string,
  { counts, lists, files }: Manifest,
  { idDimension, profileWidth }: TowerSignature,
): Promise<ReleaseShape> {
  const entries = async (path: string): Promise<number> => {
    const rows = await readColumn(join(directory, path), Uint32Array);
    return rows.reduce((sum, row) => sum + Number(row !== NO_ROW), 0);
  };
  const [idsPath] = stringTableFiles(FILES.userIds);
  return {
    users: counts.users,
    userIdBytes: files.find(({ path }) => path === idsPath)!.bytes,
    items: counts.items,
    idDimension,
    profileWidth,
    similarUsers: lists.u2u.length === 0 ? 0 : await entries(FILES.u2uRows),
    similarItems: lists.i2i.length === 0 ? 0 : await entries(FILES.i2iRows),
  };
}

async function* readSimilarItems(
  directory: string,
  { counts, lists }: Manifest,
  batchRows: number,
): AsyncGenerator<SimilarItemsBatch> {
  const width = lists.i2i.length;
  for (const { start, count } of batches(counts.items, batchRows)) {
    const range = { start: start * width, count: count * width };
    const [rows, scores] = await Promise.all([
      readColumn(join(directory, FILES.i2iRows), Uint32Array, range),
      readColumn(join(directory, FILES.i2iSimilarities), Float32Array, range),
    ]);
    yield { firstRow: start, lists: withoutPadding(rows, scores, count, width) };
  }
}

function* batches(total: number, batchRows: number): Generator<{ start: number; count: number }> {
  for (let start = 0; start < total; start += batchRows) yield { start, count: Math.min(batchRows, total - start) };
}

/** Entries of a padded list before its padding. */
function listLength(rows: Uint32Array, list: number, width: number): number {
  let length = 0;
  while (length < width && rows[list * width + length] !== NO_ROW) length++;
  return length;
}

function withoutPadding(rows: Uint32Array, scores: Float32Array, count: number, width: number): ScoredLists {
  const offsets = new Uint32Array(count + 1);
  for (let list = 0; list < count; list++) offsets[list + 1] = offsets[list]! + listLength(rows, list, width);
  const packed = { offsets, rows: new Uint32Array(offsets[count]!), scores: new Float32Array(offsets[count]!) };
  for (let list = 0; list < count; list++) {
    const from = list * width;
    const to = from + offsets[list + 1]! - offsets[list]!;
    packed.rows.set(rows.subarray(from, to), offsets[list]);
    packed.scores.set(scores.subarray(from, to), offsets[list]);
  }
  return packed;
}
