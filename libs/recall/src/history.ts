import { HASH_WORDS, NO_ROW } from '@mic/domain';
import type { PackedHistory } from './ports';

/** A history without events. */
export const NO_HISTORY: PackedHistory = {
  itemHashes: new Uint32Array(0),
  timesMs: new Float64Array(0),
  weights: new Float32Array(0),
};

/**
 * Both histories as one, newest first; an event of both (same item and time) counts once. Equal times keep the order
 * given, the first history's events before the second's. Nothing is cut: what either knows of is seen.
 */
export function mergeHistories(first: PackedHistory, second: PackedHistory): PackedHistory {
  const events = new Map<string, { low: number; high: number; timeMs: number; weight: number }>();
  for (const { itemHashes, timesMs, weights } of [first, second]) {
    timesMs.forEach((timeMs, i) => {
      const low = itemHashes[i * HASH_WORDS]!;
      const high = itemHashes[i * HASH_WORDS + 1]!;
      const key = `${low} ${high} ${timeMs}`;
      if (!events.has(key)) events.set(key, { low, high, timeMs, weight: weights[i]! });
    });
  }
  const newest = [...events.values()].sort((a, b) => b.timeMs - a.timeMs);
  return {
    itemHashes: Uint32Array.from(newest.flatMap(({ low, high }) => [low, high])),
    timesMs: Float64Array.from(newest, ({ timeMs }) => timeMs),
    weights: Float32Array.from(newest, ({ weight }) => weight),
  };
}

/** The rows that a release knows, in order. */
export const knownRows = (rows: Uint32Array): Uint32Array => rows.filter((row) => row !== NO_ROW);
