import type { HistoryTable, ScoredLists } from '@mic/domain';
import { encodeItems, encodeUsers, type EncodedFields, type TrainedModel } from '@mic/training';
import { exactTopK, normaliseRows } from '@mic/vectors';
import type { BuildConfig } from './build-config';

/**
 * Everything that follows from a model and a set of histories: the vectors and the neighbour lists. The release is the
 * world of all events; its quality is measured in the world without the held-out ones.
 */
export interface EncodedWorld {
  readonly histories: HistoryTable;
  readonly dimension: number;
  /** Vectors of one user. */
  readonly vectorsPerUser: number;
  /** U x vectorsPerUser x dimension, unit vectors. */
  readonly userVectors: Float32Array;
  /** U x dimension, unit vectors: the normalised mean where users have several. */
  readonly userMeans: Float32Array;
  /** I x dimension, unit vectors. */
  readonly itemVectors: Float32Array;
  /** Similar users of each user. */
  readonly u2u: ScoredLists;
  /** Similar items of each item. */
  readonly i2i: ScoredLists;
}

export async function encodeWorld(
  model: TrainedModel,
  fields: EncodedFields,
  histories: HistoryTable,
  config: BuildConfig,
): Promise<EncodedWorld> {
  const inputs = { ...model, ...fields, histories };
  const dimension = model.signature.dimension;
  const itemVectors = await encodeItems(model.itemTower, inputs);
  const userVectors = await encodeUsers(model.userTower, inputs);
  const { vectorsPerUser } = model.signature;
  const userMeans = normalisedMeans(userVectors, histories.userCount, vectorsPerUser, dimension);
  return {
    histories,
    dimension,
    vectorsPerUser,
    userVectors,
    userMeans,
    itemVectors,
    u2u: mostSimilar(userMeans, histories.userCount, dimension, config.u2uLength),
    i2i: mostSimilar(itemVectors, histories.itemCount, dimension, config.i2iLength),
  };
}

/** The k most similar other rows of each row, exactly. */
function mostSimilar(vectors: Float32Array, count: number, dimension: number, k: number): ScoredLists {
  return exactTopK({
    queries: vectors,
    queryCount: count,
    matrix: vectors,
    rowCount: count,
    dimension,
    k,
    excludeSelf: true,
  });
}

/** The mean of each user's vectors, made a unit vector; the vectors themselves where each user has one. */
function normalisedMeans(vectors: Float32Array, users: number, perUser: number, dimension: number): Float32Array {
  if (perUser === 1) return vectors;
  const means = new Float32Array(users * dimension);
  for (let user = 0; user < users; user++) {
    for (let vector = 0; vector < perUser; vector++) {
      const from = (user * perUser + vector) * dimension;
      for (let d = 0; d < dimension; d++) means[user * dimension + d]! += vectors[from + d]!;
    }
  }
  normaliseRows(means, dimension);
  return means;
}
