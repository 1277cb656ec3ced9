import type { Channel } from '@mic/domain';
import type { ChannelCandidates } from './channel';
import type { CandidateSource } from './recall-types';
import { RowPositions } from './row-positions';

/** What one channel contributes to the union. */
export interface ChannelList {
  readonly channel: Channel;
  readonly candidates: ChannelCandidates;
}

/** The union of all channels' candidates; each item once, with all its sources. */
export interface MergedCandidates {
  /** Item rows, in the order in which the lists name them first. */
  readonly rows: Uint32Array;
  /** Number of channels that name the item. */
  readonly channelCounts: Uint8Array;
  /** Best similarity that a channel has for the item. */
  readonly similarities: Float32Array;
  /** The score that a channel gives each candidate, 0 where it does not name it. */
  scoresOf(channel: Channel): Float32Array;
  /** Sources of candidate i, in the order of the lists. */
  sourcesOf(i: number): CandidateSource[];
}

export function mergeCandidates(lists: readonly ChannelList[]): MergedCandidates {
  const positions = new RowPositions(lists.reduce((sum, { candidates }) => sum + candidates.rows.length, 0));
  // mergedAt[l][place]: candidate that list l has at that place.
  const mergedAt = lists.map(({ candidates: { rows } }) => {
    const merged = new Uint32Array(rows.length);
    for (let place = 0; place < rows.length; place++) merged[place] = positions.of(rows[place]!);
    return merged;
  });
  const { size } = positions;
  const channelCounts = new Uint8Array(size);
  const similarities = new Float32Array(size).fill(-Infinity);
  // placeIn[l][i]: place of candidate i in list l, -1 where the list does not name it.
  const placeIn = lists.map(({ candidates }, l) => {
    const places = new Int32Array(size).fill(-1);
    for (let place = 0; place < candidates.rows.length; place++) {
      const i = mergedAt[l]![place]!;
      places[i] = place;
      channelCounts[i]!++;
      if (candidates.similarities[place]! > similarities[i]!) similarities[i] = candidates.similarities[place]!;
    }
    return places;
  });
  return {
    rows: positions.rows(),
    channelCounts,
    similarities,
    scoresOf: (channel) => {
      const scores = new Float32Array(size);
      const l = lists.findIndex((list) => list.channel === channel);
      const merged = mergedAt[l] ?? [];
      for (let place = 0; place < merged.length; place++) {
        scores[merged[place]!] = lists[l]!.candidates.scores[place]!;
      }
      return scores;
    },
    sourcesOf: (i) =>
      lists.flatMap(({ channel, candidates }, l) => {
        const place = placeIn[l]![i]!;
        if (place < 0) return [];
        const trigger = candidates.triggerIds[candidates.triggers[place]!]!;
        return [{ channel, score: candidates.scores[place]!, trigger }];
      }),
  };
}
