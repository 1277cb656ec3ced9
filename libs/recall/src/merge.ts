import type { Channel } from '@mic/domain';
import type { ChannelCandidates } from './channel';
import { RowPositions } from './row-positions';

/** What one channel contributes to the union. */
export interface ChannelList {
  readonly channel: Channel;
  /** What it counts in the repetition of an item. */
  readonly weight: number;
  readonly candidates: ChannelCandidates;
}

/** One way in which a candidate was found. */
export interface MergedSource {
  readonly list: ChannelList;
  /** Place in the list. */
  readonly place: number;
}

/** The union of all channels' candidates; each item once, with all its sources. */
export interface MergedCandidates {
  /** Item rows, in the order in which the lists name them first. */
  readonly rows: Uint32Array;
  /** Weights of the channels that name the item, summed up. */
  readonly channelWeights: Float32Array;
  /** Best similarity that a channel has for the item. */
  readonly similarities: Float32Array;
  /** The score that a channel gives each candidate, 0 where it does not name it. */
  scoresOf(channel: Channel): Float32Array;
  /** The lists that name candidate i, in their order. */
  sourcesOf(i: number): MergedSource[];
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
  const channelWeights = new Float32Array(size);
  const similarities = new Float32Array(size).fill(-Infinity);
  // placeIn[l][i]: place of candidate i in list l, -1 where the list does not name it.
  const placeIn = lists.map(({ candidates, weight }, l) => {
    const places = new Int32Array(size).fill(-1);
    for (let place = 0; place < candidates.rows.length; place++) {
      const i = mergedAt[l]![place]!;
      places[i] = place;
      channelWeights[i]! += weight;
      if (candidates.similarities[place]! > similarities[i]!) similarities[i] = candidates.similarities[place]!;
    }
    return places;
  });
  return {
    rows: positions.rows(),
    channelWeights,
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
      lists.flatMap((list, l) => {
        const place = placeIn[l]![i]!;
        return place < 0 ? [] : [{ list, place }];
      }),
  };
}
