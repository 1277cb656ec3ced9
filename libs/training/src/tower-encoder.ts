import { MicError, usersOfItems, type HistoryTable } from '@mic/domain';
import type { TowerSignature } from '@mic/features';
import { finishVectors, listedFeeds, OnnxSession, type OnnxValue } from '@mic/onnx-tower';
import { normaliseRows } from '@mic/vectors';
import { Int64Buffer, toInt64 } from './data/int64';

/** Users or items encoded at once. */
const BATCH = 256;

/** What users are encoded from beside their histories. */
export interface UserInputs {
  readonly signature: TowerSignature;
  /** U x idDimension id rows; null: every user's id is masked. */
  readonly userRows: Float32Array | null;
  /** U x profileWidth. */
  readonly profiles: Int32Array;
}

export interface TowerInputs extends UserInputs {
  readonly histories: HistoryTable;
  readonly userRows: Float32Array;
  /** I x itemIdDimension id rows. */
  readonly itemRows: Float32Array;
  /** I x itemFieldsWidth. */
  readonly itemFields: Int32Array;
}

/** Encodes users with an exported user tower, a batch at a time; close it when done. */
export class UserEncoder {
  readonly #session: OnnxSession;
  readonly #inputs: UserInputs;

  private constructor(session: OnnxSession, inputs: UserInputs) {
    this.#session = session;
    this.#inputs = inputs;
  }

  static async open(userTower: Uint8Array, inputs: UserInputs): Promise<UserEncoder> {
    return new UserEncoder(await OnnxSession.open(userTower, { name: 'user tower' }), inputs);
  }

  /**
   * @param users user rows.
   * @param historyOf item rows of a user's history, oldest first.
   * @returns users x vectorsPerUser x dimension, unit vectors.
   */
  async encode(users: Uint32Array, historyOf: (user: number) => Uint32Array): Promise<Float32Array> {
    const { signature } = this.#inputs;
    const width = signature.vectorsPerUser * signature.dimension;
    const vectors = new Float32Array(users.length * width);
    for (let from = 0; from < users.length; from += BATCH) {
      const batch = users.subarray(from, from + BATCH);
      const feeds = listedFeeds(this.#feeds(batch, historyOf), signature.userTower);
      const { user_vectors } = await this.#session.run(feeds, ['user_vectors']);
      vectors.set(finished(user_vectors!, batch.length * signature.vectorsPerUser, signature), from * width);
    }
    return vectors;
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  #feeds(users: Uint32Array, historyOf: (user: number) => Uint32Array): Record<string, OnnxValue> {
    const { signature, userRows, profiles } = this.#inputs;
    const { idDimension, profileWidth, longestHistory, maskedUserRow } = signature;
    const size = users.length;
    const history = new Int64Buffer(size * longestHistory);
    const profile = new Int64Buffer(size * profileWidth);
    const rows = new Float32Array(size * idDimension);
    users.forEach((user, i) => {
      const items = historyOf(user);
      const events = Math.min(longestHistory, items.length);
      for (let age = 0; age < events; age++) history.set(i * longestHistory + age, items[items.length - 1 - age]! + 1);
      for (let c = 0; c < profileWidth; c++) profile.set(i * profileWidth + c, profiles[user * profileWidth + c]!);
      const row = userRows?.subarray(user * idDimension, (user + 1) * idDimension) ?? maskedUserRow;
      rows.set(row, i * idDimension);
    });
    return {
      user_row: { data: rows, dims: [size, idDimension] },
      profile: { data: profile.values, dims: [size, profileWidth] },
      history: { data: history.values, dims: [size, longestHistory] },
    };
  }
}

/**
 * Vectors of users from the exported user tower: their id rows, profiles, and newest events.
 *
 * @param users rows of the users wanted; all by default.
 * @returns users x vectorsPerUser x dimension
 */
export async function encodeUsers(
  userTower: Uint8Array,
  inputs: UserInputs & Pick<TowerInputs, 'histories'>,
  users: Uint32Array = Uint32Array.from({ length: inputs.histories.userCount }, (_, user) => user),
): Promise<Float32Array> {
  const { offsets, itemRows } = inputs.histories;
  const encoder = await UserEncoder.open(userTower, inputs);
  try {
    return await encoder.encode(users, (user) => itemRows.subarray(offsets[user], offsets[user + 1]));
  } finally {
    await encoder.close();
  }
}

/** The mean of each user's vectors, made a unit vector; the vectors themselves where each user has one. */
export function meanUserVectors(
  vectors: Float32Array,
  users: number,
  perUser: number,
  dimension: number,
): Float32Array {
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

/**
 * Vectors of all items from the exported item tower: their id rows, fields, and the mean id row of their users (the
 * mask row where there is none).
 *
 * @returns I x dimension
 */
export async function encodeItems(itemTower: Uint8Array, inputs: TowerInputs): Promise<Float32Array> {
  const { signature, histories, itemRows, itemFields } = inputs;
  const { idDimension, itemIdDimension, itemFieldsWidth, dimension } = signature;
  const pooled = pooledUsers(inputs);
  const session = await OnnxSession.open(itemTower, { name: 'item tower' });
  try {
    const vectors = new Float32Array(histories.itemCount * dimension);
    for (let from = 0; from < histories.itemCount; from += BATCH) {
      const to = Math.min(histories.itemCount, from + BATCH);
      const size = to - from;
      const rows = itemRows.subarray(from * itemIdDimension, to * itemIdDimension);
      const codes = toInt64(itemFields, from * itemFieldsWidth, to * itemFieldsWidth);
      const feeds = {
        item_row: { data: rows, dims: [size, itemIdDimension] },
        fields: { data: codes, dims: [size, itemFieldsWidth] },
        users_pooled: { data: pooled.subarray(from * idDimension, to * idDimension), dims: [size, idDimension] },
      };
      const { item_vectors } = await session.run(listedFeeds(feeds, signature.itemTower), ['item_vectors']);
      vectors.set(finished(item_vectors!, size, signature), from * dimension);
    }
    return vectors;
  } finally {
    await session.close();
  }
}

/**
 * Vectors as a tower that serves gives them; whether each is a unit vector is for the caller to check.
 *
 * @throws MicError INTERNAL for another number of values than the signature has.
 */
function finished({ data }: OnnxValue, rows: number, signature: TowerSignature): Float32Array {
  const vectors = data as Float32Array;
  const problem = finishVectors(vectors, rows, signature);
  if (problem !== null && vectors.length !== rows * signature.dimension) {
    throw new MicError('INTERNAL', `the tower ${problem}`, { remedy: 'check its output against its signature' });
  }
  return vectors;
}

/** I x idDimension: the mean id row of each item's users, of which training draws a sample. */
function pooledUsers({ signature, histories, userRows }: TowerInputs): Float32Array {
  const { idDimension, maskedUserRow } = signature;
  const { offsets, users } = usersOfItems(histories);
  const pooled = new Float32Array(histories.itemCount * idDimension);
  for (let item = 0; item < histories.itemCount; item++) {
    const from = offsets[item]!;
    const count = offsets[item + 1]! - from;
    if (count === 0) pooled.set(maskedUserRow, item * idDimension);
    for (let i = from; i < from + count; i++) {
      for (let d = 0; d < idDimension; d++) {
        pooled[item * idDimension + d]! += userRows[users[i]! * idDimension + d]! / count;
      }
    }
  }
  return pooled;
}
