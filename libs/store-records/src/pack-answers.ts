import { HASH_WORDS, type ScoredLists } from '@mic/domain';
import type { PackedHistory, UsersItems } from '@mic/recall';
import type { PackedList } from './codec';

/** The first `limit` entries of each list, packed one behind the other. */
export function packLists(lists: readonly PackedList[], limit: number): ScoredLists {
  const offsets = new Uint32Array(lists.length + 1);
  lists.forEach(({ rows }, i) => (offsets[i + 1] = offsets[i]! + Math.min(limit, rows.length)));
  const packed = { offsets, rows: new Uint32Array(offsets.at(-1)!), scores: new Float32Array(offsets.at(-1)!) };
  lists.forEach(({ rows, scores }, i) => {
    packed.rows.set(rows.subarray(0, limit), offsets[i]);
    packed.scores.set(scores.subarray(0, limit), offsets[i]);
  });
  return packed;
}

/** Users and their histories, packed one behind the other. */
export function packUsersItems(
  { userIds, userRows }: Pick<UsersItems, 'userIds' | 'userRows'>,
  histories: readonly PackedHistory[],
): UsersItems {
  const offsets = new Uint32Array(userIds.length + 1);
  histories.forEach(({ timesMs }, i) => (offsets[i + 1] = offsets[i]! + timesMs.length));
  const itemHashes = new Uint32Array(offsets.at(-1)! * HASH_WORDS);
  const timesMs = new Float64Array(offsets.at(-1)!);
  histories.forEach((history, i) => {
    itemHashes.set(history.itemHashes, offsets[i]! * HASH_WORDS);
    timesMs.set(history.timesMs, offsets[i]);
  });
  return { userIds, userRows, offsets, itemHashes, timesMs };
}
