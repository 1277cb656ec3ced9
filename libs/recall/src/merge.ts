import type { Channel } from '@mic/domain';
import type { ChannelCandidates } from './channel';
import type { CandidateSource } from './recall-types';

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
  const positions = new Map<number, number>();
  for (const { candidates } of lists) {
    for (const row of candidates.rows) if (!positions.has(row)) positions.set(row, positions.size);
  }
  const size = positions.size;
  const channelCounts = new Uint8Array(size);
  const similarities = new Float32Array(size).fill(-Infinity);
  // placeIn[l][i]: place of candidate i in list l, -1 where the list does not name it.
  const placeIn = lists.map(({ candidates }) => {
    const places = new Int32Array(size).fill(-1);
    candidates.rows.forEach((row, place) => {
      const i = positions.get(row)!;
      places[i] = place;
      channelCounts[i]!++;
      similarities[i] = Math.max(similarities[i]!, candidates.similarities[place]!);
    });
    return places;
  });
  return {
    rows: Uint32Array.from(positions.keys()),
    channelCounts,
    similarities,
    scoresOf: (channel) => {
      const l = lists.findIndex((list) => list.channel === channel);
      const places = placeIn[l];
      if (!places) return new Float32Array(size);
      const { scores } = lists[l]!.candidates;
      return Float32Array.from(places, (place) => (place < 0 ? 0 : scores[place]!));
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
