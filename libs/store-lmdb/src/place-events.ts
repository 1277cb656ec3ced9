import { HASH_WORDS, hashIds, type Interaction } from '@mic/domain';
import type { AppendResult, PackedHistory } from '@mic/recall';

interface Event {
  readonly low: number;
  readonly high: number;
  readonly timeMs: number;
  readonly weight: number;
}

/**
 * A history with new events in their places: newest first, an event that arrived later stands before others of its time.
 * An event that is there already (same item and time) changes nothing; beyond the cap the oldest fall out.
 */
export function placeEvents(
  history: PackedHistory,
  added: readonly Interaction[],
  cap: number,
): { readonly history: PackedHistory; readonly result: AppendResult } {
  const events: Event[] = Array.from(history.timesMs, (timeMs, i) => ({
    low: history.itemHashes[i * HASH_WORDS]!,
    high: history.itemHashes[i * HASH_WORDS + 1]!,
    timeMs,
    weight: history.weights[i]!,
  }));
  const hashes = hashIds(added.map(({ itemId }) => itemId));
  let [accepted, duplicates, tooOld] = [0, 0, 0];
  added.forEach(({ timeMs, weight }, i) => {
    const low = hashes[i * HASH_WORDS]!;
    const high = hashes[i * HASH_WORDS + 1]!;
    let at = 0;
    while (at < events.length && events[at]!.timeMs > timeMs) at++;
    for (let same = at; same < events.length && events[same]!.timeMs === timeMs; same++) {
      if (events[same]!.low === low && events[same]!.high === high) {
        duplicates++;
        return;
      }
    }
    if (at >= cap) {
      tooOld++;
      return;
    }
    events.splice(at, 0, { low, high, timeMs, weight });
    if (events.length > cap) events.pop();
    accepted++;
  });
  return {
    history: {
      itemHashes: Uint32Array.from(events.flatMap(({ low, high }) => [low, high])),
      timesMs: Float64Array.from(events, ({ timeMs }) => timeMs),
      weights: Float32Array.from(events, ({ weight }) => weight),
    },
    result: { accepted, duplicates, tooOld },
  };
}
