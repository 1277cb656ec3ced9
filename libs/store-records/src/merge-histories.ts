import { HASH_WORDS } from '@mic/domain';
import type { AppendResult, PackedHistory } from '@mic/recall';
import type { HistoryBounds } from './history-retention';

/**
 * Two histories as one: what `placeEvents` makes of the same events, added oldest first, in one pass over both (but where
 * added events of one time do not all have a place: here the last ones get it). Events of one time keep their order, added
 * ones before those that were there.
 * @param history without events before `oldestMs`.
 * @param added newest first.
 */
export function mergeHistories(
  history: PackedHistory,
  added: PackedHistory,
  { cap, oldestMs }: HistoryBounds,
): { readonly history: PackedHistory; readonly result: AppendResult } {
  const stored = Math.min(history.timesMs.length, cap);
  const room = Math.min(stored + added.timesMs.length, cap);
  const merged = {
    itemHashes: new Uint32Array(room * HASH_WORDS),
    timesMs: new Float64Array(room),
    weights: new Float32Array(room),
  };
  const fullFromMs = stored === cap ? history.timesMs[cap - 1]! : -Infinity;
  let count = 0;
  const take = (from: PackedHistory, event: number): void => {
    if (count === room) return;
    merged.itemHashes[count * HASH_WORDS] = from.itemHashes[event * HASH_WORDS]!;
    merged.itemHashes[count * HASH_WORDS + 1] = from.itemHashes[event * HASH_WORDS + 1]!;
    merged.timesMs[count] = from.timesMs[event]!;
    merged.weights[count++] = from.weights[event]!;
  };
  let next = 0;
  let [accepted, duplicates] = [0, 0];
  for (let event = 0; event < added.timesMs.length; event++) {
    const timeMs = added.timesMs[event]!;
    if (timeMs < oldestMs) break;
    for (; next < stored && history.timesMs[next]! > timeMs; next++) take(history, next);
    if (has(history, next, stored, added, event) || has(added, event + 1, added.timesMs.length, added, event)) {
      duplicates++;
      continue;
    }
    if (timeMs <= fullFromMs || count === room) continue;
    take(added, event);
    accepted++;
  }
  for (; next < stored; next++) take(history, next);
  return {
    history: {
      itemHashes: merged.itemHashes.subarray(0, count * HASH_WORDS),
      timesMs: merged.timesMs.subarray(0, count),
      weights: merged.weights.subarray(0, count),
    },
    result: { accepted, duplicates, tooOld: added.timesMs.length - accepted - duplicates },
  };
}

/** True when `history` has the event's item among the entries of the event's time that begin at `from`. */
function has(history: PackedHistory, from: number, end: number, { itemHashes, timesMs }: PackedHistory, event: number) {
  for (let same = from; same < end && history.timesMs[same] === timesMs[event]; same++) {
    if (
      history.itemHashes[same * HASH_WORDS] === itemHashes[event * HASH_WORDS] &&
      history.itemHashes[same * HASH_WORDS + 1] === itemHashes[event * HASH_WORDS + 1]
    ) {
      return true;
    }
  }
  return false;
}
