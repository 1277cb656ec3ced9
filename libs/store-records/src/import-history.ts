import { HASH_WORDS } from '@mic/domain';
import type { AppendResult, PackedHistories, PackedHistory } from '@mic/recall';
import { decodeHistory, encodeHistory } from './codec';
import type { HistoryBounds } from './history-retention';
import { mergeHistories } from './merge-histories';

/** What an import makes of one user's history. */
export interface ImportedHistory {
  /** The packed history to store; null: it stays as it is. */
  readonly record: Buffer | null;
  /** The time of its newest event. */
  readonly newestMs: number;
  readonly result: AppendResult;
}

/**
 * User `user` of an import merged with what is stored; without a look at single events where nothing is, or the same.
 * @param stored packed history, undefined: none.
 */
export function importHistory(
  histories: PackedHistories,
  user: number,
  stored: Buffer | undefined,
  bounds: HistoryBounds,
): ImportedHistory {
  const from = histories.offsets[user]!;
  const to = histories.offsets[user + 1]!;
  let end = Math.min(to, from + bounds.cap);
  while (end > from && histories.timesMs[end - 1]! < bounds.oldestMs) end--;
  const kept = end - from;
  const newestMs = histories.timesMs[from] ?? -Infinity;
  const record = kept > 0 ? encodeHistory(histories, from, end) : null;
  if (stored === undefined) {
    return { record, newestMs, result: { accepted: kept, duplicates: 0, tooOld: to - end } };
  }
  // The same import again.
  if (record?.equals(stored)) {
    return { record: null, newestMs, result: { accepted: 0, duplicates: kept, tooOld: to - end } };
  }
  const added: PackedHistory = {
    itemHashes: histories.itemHashes.subarray(from * HASH_WORDS, to * HASH_WORDS),
    timesMs: histories.timesMs.subarray(from, to),
    weights: histories.weights.subarray(from, to),
  };
  const { history, result } = mergeHistories(decodeHistory(stored, bounds.cap, bounds.oldestMs), added, bounds);
  return {
    record: result.accepted > 0 ? encodeHistory(history) : null,
    newestMs: history.timesMs[0] ?? -Infinity,
    result,
  };
}
