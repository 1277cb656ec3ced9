import type { Channel } from '@mic/domain';
import { channelNamed } from './channels/registry';
import type { Eligibility } from './eligibility';
import type { Items } from './items';
import type { ChannelList } from './merge';
import type { RankedCandidates } from './rank-lists';
import type { CandidateSource, DropReason, DroppedCandidate } from './recall-types';

/** Left-out candidates that an answer lists. */
const MOST_DROPPED = 1_000;

/** One way in which an item was found, and in words why, where the request asked to explain. */
export function sourceOf({ channel, candidates }: ChannelList, place: number, explain: boolean): CandidateSource {
  const idOf = (trigger: number): string => candidates.triggerIds[trigger]!;
  const trigger = idOf(candidates.triggers[place]!);
  const score = candidates.scores[place]!;
  if (!explain) return { channel, score, trigger };
  const triggers = (candidates.contributions?.[place] ?? []).map(({ trigger: position, evidence }) => ({
    id: idOf(position),
    evidence,
  }));
  const others = Math.max(0, new Set(triggers.map(({ id }) => id)).size - 1);
  return { channel, score, trigger, because: channelNamed(channel).because({ trigger, others, score }), triggers };
}

/** What each channel found and must not return: rows by channel. */
export type Refused = ReadonlyMap<Channel, ReadonlySet<number>>;

/** Candidates that are not returned, and why: first those that came as far as the ranking, best first. */
export function droppedOf(
  { merged, scores, order }: RankedCandidates,
  lists: readonly ChannelList[],
  refused: Refused,
  eligibility: Eligibility,
  items: Items,
): DroppedCandidate[] {
  const returned = new Set(Array.from(order, (i) => merged.rows[i]!));
  const behind = Array.from(merged.rows.keys()).filter((i) => !returned.has(merged.rows[i]!));
  behind.sort((a, b) => scores.score[b]! - scores.score[a]! || merged.rows[a]! - merged.rows[b]!);
  const dropped = new Map<number, { reason: DropReason; channels: Channel[]; score?: number }>();
  for (const i of behind) {
    const channels = merged.sourcesOf(i).map(({ list }) => list.channel);
    dropped.set(merged.rows[i]!, { reason: 'RANK', channels, score: scores.score[i]! });
  }
  const add = (row: number, channel: Channel, reason: DropReason): void => {
    if (returned.has(row)) return;
    const known = dropped.get(row);
    if (!known) dropped.set(row, { reason, channels: [channel] });
    else if (!known.channels.includes(channel)) known.channels.push(channel);
  };
  for (const { channel, candidates } of lists) {
    for (const row of candidates.beyondQuota ?? []) add(row, channel, 'QUOTA');
  }
  for (const [channel, rows] of refused) {
    for (const row of rows) {
      const reason = row < items.count ? eligibility.against(row) : null;
      if (reason) add(row, channel, reason);
    }
  }
  return Array.from(dropped, ([row, rest]) => ({ itemId: items.itemId(row), ...rest })).slice(0, MOST_DROPPED);
}
