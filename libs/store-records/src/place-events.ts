import { HASH_WORDS, hashIds, type Interaction } from '@mic/domain';
import type { AppendResult, PackedHistory } from '@mic/recall';
import type { HistoryBounds } from './history-retention';

/**
 * A history with new events in their places: newest first, an event that arrived later stands before others of its time.
 * An event that is there already (same item and time) changes nothing; beyond the cap the oldest fall out and are
 * forgotten. A full history takes only what is newer than its oldest event: what has fallen out, and comes again, stays out. Accepted are those of the new events that are in the history at the end.
 * @param history without events before `oldestMs`.
 */
export function placeEvents(
  history: PackedHistory,
  added: readonly Interaction[],
  { cap, oldestMs }: HistoryBounds,
): { readonly history: PackedHistory; readonly result: AppendResult } {
  let count = Math.min(history.timesMs.length, cap);
  const room = Math.min(count + added.length, cap) + 1;
  const itemHashes = new Uint32Array(room * HASH_WORDS);
  const timesMs = new Float64Array(room);
  const weights = new Float32Array(room);
  /** 1: placed by this call. */
  const isNew = new Uint8Array(room);
  itemHashes.set(history.itemHashes.subarray(0, count * HASH_WORDS));
  timesMs.set(history.timesMs.subarray(0, count));
  weights.set(history.weights.subarray(0, count));

  const hashes = hashIds(added.map(({ itemId }) => itemId));
  let [accepted, duplicates, tooOld] = [0, 0, 0];
  added.forEach(({ timeMs, weight }, i) => {
    if (timeMs < oldestMs) {
      tooOld++;
      return;
    }
    const low = hashes[i * HASH_WORDS]!;
    const high = hashes[i * HASH_WORDS + 1]!;
    const at = firstNotAfter(timesMs, count, timeMs);
    for (let same = at; same < count && timesMs[same] === timeMs; same++) {
      if (itemHashes[same * HASH_WORDS] === low && itemHashes[same * HASH_WORDS + 1] === high) {
        duplicates++;
        return;
      }
    }
    if (count === cap && timeMs <= timesMs[cap - 1]!) {
      tooOld++;
      return;
    }
    itemHashes.copyWithin((at + 1) * HASH_WORDS, at * HASH_WORDS, count * HASH_WORDS);
    timesMs.copyWithin(at + 1, at, count);
    weights.copyWithin(at + 1, at, count);
    isNew.copyWithin(at + 1, at, count);
    itemHashes[at * HASH_WORDS] = low;
    itemHashes[at * HASH_WORDS + 1] = high;
    timesMs[at] = timeMs;
    weights[at] = weight;
    isNew[at] = 1;
    accepted++;
    if (count < cap) count++;
    else if (isNew[cap] === 1) {
      accepted--;
      tooOld++;
    }
  });
  return {
    history: {
      itemHashes: itemHashes.subarray(0, count * HASH_WORDS),
      timesMs: timesMs.subarray(0, count),
      weights: weights.subarray(0, count),
    },
    result: { accepted, duplicates, tooOld },
  };
}

/** The first of `count` descending times that is not after timeMs. */
function firstNotAfter(timesMs: Float64Array, count: number, timeMs: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (timesMs[middle]! > timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
