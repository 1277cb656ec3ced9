import type { HistoryTable, ScoredLists } from '@mic/domain';
import { matmulTopK } from '@mic/matrix';
import { encodeItems, encodeUsers, meanUserVectors, type EncodedFields, type TowerModel } from '@mic/training';
import { newItemPlacer, untrainedItems, type NewItemShifts } from './new-items';

/** The vectors that follow from a model and a set of histories. */
export interface EncodedVectors {
  readonly dimension: number;
  /** Vectors of one user. */
  readonly vectorsPerUser: number;
  /** U x vectorsPerUser x dimension, unit vectors. */
  readonly userVectors: Float32Array;
  /** U x dimension, unit vectors: the normalised mean where users have several. */
  readonly userMeans: Float32Array;
  /** I x dimension, unit vectors. */
  readonly itemVectors: Float32Array;
}

/**
 * Everything that follows from a model and a set of histories: the vectors and the neighbour lists. The release is the
 * world of all events; quality is measured in the world without the held-out ones.
 */
export interface EncodedWorld extends EncodedVectors {
  readonly histories: HistoryTable;
  /** Similar users of each user. */
  readonly u2u: ScoredLists;
  /** Similar items of each item. */
  readonly i2i: ScoredLists;
}

/** Lengths of the neighbour lists, and where new items are put. */
export interface ListLengths {
  readonly u2uLength: number;
  readonly i2iLength: number;
  readonly newItemShifts: NewItemShifts;
}

/** What vectors are made of. */
export interface VectorInputs {
  readonly model: TowerModel;
  readonly fields: EncodedFields;
  /** Histories that users are encoded from. */
  readonly histories: HistoryTable;
  /** Histories whose users items are encoded with; `histories` by default. */
  readonly itemHistories?: HistoryTable;
  readonly newItemShifts: NewItemShifts;
}

/** What a world is made of. */
export interface WorldInputs extends Omit<VectorInputs, 'newItemShifts'> {
  readonly lengths: ListLengths;
  /** Users and items whose neighbour lists are wanted, ascending; all by default. */
  readonly only?: { readonly users: Uint32Array; readonly items: Uint32Array };
}

/** Encodes all users and items; items that training has not seen are put where they are found (newItemPlacer). */
export async function encodeVectors(inputs: VectorInputs): Promise<EncodedVectors> {
  const { model, fields, histories, itemHistories = histories, newItemShifts } = inputs;
  const { dimension, vectorsPerUser } = model.signature;
  const encoded = await encodeItems(model.itemTower, { ...model, ...fields, histories: itemHistories });
  const userVectors = await encodeUsers(model.userTower, { ...model, ...fields, histories });
  const userMeans = meanUserVectors(userVectors, histories.userCount, vectorsPerUser, dimension);
  const isNew = untrainedItems(model, model.signature.maskedItemRow);
  const place = newItemPlacer({ itemVectors: encoded, isNew, histories, userMeans, dimension });
  return { dimension, vectorsPerUser, userVectors, userMeans, itemVectors: place(newItemShifts) };
}

export async function encodeWorld(inputs: WorldInputs): Promise<EncodedWorld> {
  const { histories, lengths, only } = inputs;
  const vectors = await encodeVectors({ ...inputs, newItemShifts: lengths.newItemShifts });
  const { userMeans, itemVectors, dimension } = vectors;
  return {
    ...vectors,
    histories,
    u2u: await mostSimilar(userMeans, histories.userCount, dimension, lengths.u2uLength, only?.users),
    i2i: await mostSimilar(itemVectors, histories.itemCount, dimension, lengths.i2iLength, only?.items),
  };
}

/** The k most similar other rows of each row, exactly; rows that are not wanted have empty lists. */
async function mostSimilar(
  vectors: Float32Array,
  count: number,
  dimension: number,
  k: number,
  wanted?: Uint32Array,
): Promise<ScoredLists> {
  const all = { matrix: vectors, rowCount: count, dimension, k };
  if (!wanted || wanted.length === count) {
    return matmulTopK({ ...all, queries: vectors, queryCount: count, excludeSelf: true });
  }
  const queries = new Float32Array(wanted.length * dimension);
  wanted.forEach((row, i) => {
    queries.set(vectors.subarray(row * dimension, (row + 1) * dimension), i * dimension);
  });
  const self = (query: number): Uint32Array => wanted.subarray(query, query + 1);
  const { rows, scores, offsets } = await matmulTopK({
    ...all,
    queries,
    queryCount: wanted.length,
    exclude: self,
  });
  const spread = new Uint32Array(count + 1);
  wanted.forEach((row, i) => (spread[row + 1] = offsets[i + 1]! - offsets[i]!));
  for (let row = 0; row < count; row++) spread[row + 1]! += spread[row]!;
  return { offsets: spread, rows, scores };
}
