import { usersOfItems, type HistoryTable } from '@mic/domain';
import type { TowerSignature } from '@mic/features';
import { OnnxSession } from '@mic/onnx-tower';
import { Int64Buffer, toInt64 } from './data/int64';

/** Users or items encoded at once. */
const BATCH = 256;

export interface TowerInputs {
  readonly signature: TowerSignature;
  readonly histories: HistoryTable;
  /** U x idDimension id rows. */
  readonly userRows: Float32Array;
  /** I x idDimension id rows. */
  readonly itemRows: Float32Array;
  /** U x profileWidth. */
  readonly profiles: Int32Array;
  /** I x itemFieldsWidth. */
  readonly itemFields: Int32Array;
}

/**
 * Vectors of users from the exported user tower: their id rows, profiles, and newest events.
 *
 * @param users rows of the users wanted; all by default.
 * @returns users x vectorsPerUser x dimension
 */
export async function encodeUsers(
  userTower: Uint8Array,
  inputs: TowerInputs,
  users?: Uint32Array,
): Promise<Float32Array> {
  const { signature, histories, userRows, profiles } = inputs;
  const { idDimension, profileWidth, longestHistory, vectorsPerUser, dimension } = signature;
  const { offsets, itemRows } = histories;
  const count = users?.length ?? histories.userCount;
  return encodeAll(userTower, 'user_vectors', count, vectorsPerUser * dimension, (from, to) => {
    const size = to - from;
    const history = new Int64Buffer(size * longestHistory);
    const profile = new Int64Buffer(size * profileWidth);
    const rows = new Float32Array(size * idDimension);
    for (let i = 0; i < size; i++) {
      const user = users ? users[from + i]! : from + i;
      const newest = offsets[user + 1]! - 1;
      const events = Math.min(longestHistory, newest + 1 - offsets[user]!);
      for (let age = 0; age < events; age++) history.set(i * longestHistory + age, itemRows[newest - age]! + 1);
      for (let c = 0; c < profileWidth; c++) profile.set(i * profileWidth + c, profiles[user * profileWidth + c]!);
      rows.set(userRows.subarray(user * idDimension, (user + 1) * idDimension), i * idDimension);
    }
    return {
      user_row: { data: rows, dims: [size, idDimension] },
      profile: { data: profile.values, dims: [size, profileWidth] },
      history: { data: history.values, dims: [size, longestHistory] },
    };
  });
}

/**
 * Vectors of all items from the exported item tower: their id rows, fields, and the mean id row of their users (the
 * mask row where there is none).
 *
 * @returns I x dimension
 */
export async function encodeItems(itemTower: Uint8Array, inputs: TowerInputs): Promise<Float32Array> {
  const { signature, histories, itemRows, itemFields } = inputs;
  const { idDimension, itemFieldsWidth, dimension } = signature;
  const pooled = pooledUsers(inputs);
  return encodeAll(itemTower, 'item_vectors', histories.itemCount, dimension, (from, to) => ({
    item_row: { data: itemRows.subarray(from * idDimension, to * idDimension), dims: [to - from, idDimension] },
    fields: {
      data: toInt64(itemFields, from * itemFieldsWidth, to * itemFieldsWidth),
      dims: [to - from, itemFieldsWidth],
    },
    users_pooled: { data: pooled.subarray(from * idDimension, to * idDimension), dims: [to - from, idDimension] },
  }));
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

async function encodeAll(
  model: Uint8Array,
  output: string,
  count: number,
  width: number,
  feedsOf: (from: number, to: number) => Parameters<OnnxSession['run']>[0],
): Promise<Float32Array> {
  const session = await OnnxSession.open(model, { name: output });
  const vectors = new Float32Array(count * width);
  for (let from = 0; from < count; from += BATCH) {
    const to = Math.min(count, from + BATCH);
    const result = await session.run(feedsOf(from, to));
    vectors.set(result[output]!.data as Float32Array, from * width);
  }
  await session.close();
  return vectors;
}
