import { join } from 'node:path';
import { MicError } from '@mic/domain';
import { readColumn, readManifest, readStringTable, RELEASE_FILES as FILES, type Column, type ColumnType, type Manifest } from '@mic/release'; // prettier-ignore
import { compareFiles, type FileDiff } from './file-diff';
import { listAgreement, type ListAgreement, type NeighbourSide } from './list-agreement';
import * as facts from './release-facts';
import { vocabularyOverlap, type VocabularyOverlap } from './vocabulary-overlap';

/** Two releases side by side; `a` is the earlier one in the words `added`, `gone` and `difference` (b - a). */
export interface ReleaseDiff {
  readonly a: string;
  readonly b: string;
  readonly facts: readonly facts.ComparedText[];
  readonly shape: readonly facts.Compared[];
  readonly quality: readonly facts.Compared[];
  readonly gate: readonly facts.ComparedCheck[];
  readonly build: readonly facts.Compared[];
  /** Bytes. */
  readonly sizes: readonly facts.Compared[];
  readonly files: FileDiff;
  readonly vocabulary: { readonly users: VocabularyOverlap; readonly items: VocabularyOverlap };
  /** Lists of similar users of the users, and of similar items of the items, that both have. */
  readonly lists: { readonly u2u: ListAgreement; readonly i2i: ListAgreement };
  /** Mean cosine of an item's two vectors; means something after a warm start only. Null: other dimension, or no item. */
  readonly itemCosine: number | null;
}

/**
 * Compares two releases by their manifests, ids, vectors and lists. Their bytes are not verified.
 *
 * @param a folder of a release, as is `b`.
 * @throws MicError NOT_FOUND, DATA_LOSS when a manifest or a file is not there, or not as long as it must be.
 */
export async function diffReleases(a: string, b: string): Promise<ReleaseDiff> {
  const [ofA, ofB] = [await readManifest(a), await readManifest(b)];
  const items = [await readSide(a, ofA, 'items'), await readSide(b, ofB, 'items')] as const;
  const i2i = listAgreement(...items);
  const itemCosine = meanCosine(...items);
  const itemOverlap = vocabularyOverlap(items[0].ids, items[1].ids);
  const users = [await readSide(a, ofA, 'users'), await readSide(b, ofB, 'users')] as const;
  return {
    a: ofA.id,
    b: ofB.id,
    facts: facts.compareTexts(ofA, ofB),
    shape: facts.compareShape(ofA, ofB),
    quality: facts.compareQuality(ofA, ofB),
    gate: facts.compareGate(ofA, ofB),
    build: facts.compareBuilds(ofA, ofB),
    sizes: facts.compareSizes(ofA, ofB),
    files: compareFiles(ofA, ofB),
    vocabulary: { users: vocabularyOverlap(users[0].ids, users[1].ids), items: itemOverlap },
    lists: { u2u: listAgreement(...users), i2i },
    itemCosine,
  };
}

const SIDES = {
  users: { ids: FILES.userIds, vectors: FILES.userVectors, rows: FILES.u2uRows, list: 'u2u' },
  items: { ids: FILES.itemIds, vectors: FILES.itemVectors, rows: FILES.i2iRows, list: 'i2i' },
} as const;

async function readSide(
  directory: string,
  { counts, dimension, lists }: Manifest,
  of: 'users' | 'items',
): Promise<NeighbourSide> {
  const paths = SIDES[of];
  const { length } = lists[paths.list];
  const column = async <T extends Column>(path: string, type: ColumnType<T>, width: number): Promise<T> => {
    const numbers = await readColumn(join(directory, path), type);
    if (numbers.length === counts[of] * width) return numbers;
    throw damaged(directory, path, `${numbers.length} numbers, not ${counts[of]} x ${width}`);
  };
  const ids = (await readStringTable(join(directory, paths.ids))).slice();
  if (ids.length !== counts[of]) throw damaged(directory, paths.ids, `${ids.length} ids, not ${counts[of]}`);
  return {
    ids,
    dimension,
    vectors: await column(paths.vectors, Float32Array, dimension),
    length,
    rows: await column(paths.rows, Uint32Array, length),
  };
}

function damaged(directory: string, path: string, found: string): MicError {
  return new MicError('DATA_LOSS', `${join(directory, path)} has ${found}`, {
    subject: path,
    remedy: 'mic releases verify names every damaged file; restore them, or build the release again',
  });
}

function meanCosine(a: NeighbourSide, b: NeighbourSide): number | null {
  if (a.dimension !== b.dimension) return null;
  const rowInB = new Map(b.ids.map((id, row) => [id, row]));
  let [shared, sum] = [0, 0];
  a.ids.forEach((id, row) => {
    const other = rowInB.get(id);
    if (other === undefined) return;
    shared++;
    for (let d = 0; d < a.dimension; d++)
      sum += a.vectors[row * a.dimension + d]! * b.vectors[other * b.dimension + d]!;
  });
  return shared === 0 ? null : sum / shared;
}
