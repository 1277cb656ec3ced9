import type { RecallResponse } from '@mic/contracts';
import { CHANNELS, DEGRADED_OUTCOMES, type Channel, type ChannelOutcome } from '@mic/domain';

/** What a right answer to one request is held against. */
export interface Expected {
  readonly releaseId: string;
  /** Items of that release. */
  readonly itemIds: ReadonlySet<string>;
  /** Items wanted: the release has enough for everybody. */
  readonly n: number;
  /** Whether the release knows the user. */
  readonly isKnown: boolean;
  /** Items of the user's history. */
  readonly seen: ReadonlySet<string>;
  /** Channels that the request switches off. */
  readonly off: readonly Channel[];
  /** Channels that cannot answer, because what they need is not there. */
  readonly gone: readonly Channel[];
}

/** How a response says of any channel that the stored history is not part of it. */
const WITHOUT_HISTORY = /history could not be read|without the user's stored history|the process is busy/;

/** Outcome of each channel. */
export function outcomesOf({ channels }: Pick<RecallResponse, 'channels'>): Map<Channel, ChannelOutcome> {
  return new Map(
    channels.map(({ channel, outcome }) => [
      channel.replace('CHANNEL_', '') as Channel,
      outcome.replace('OUTCOME_', '') as ChannelOutcome,
    ]),
  );
}

/** What is wrong with a response, each kind once; nothing where it is right. */
export function violationsOf(response: RecallResponse, expected: Expected): string[] {
  const outcomes = outcomesOf(response);
  return [...channelViolations(response, outcomes, expected), ...itemViolations(response, outcomes, expected)];
}

function channelViolations(
  { channels, degraded, userKnown, releaseId }: RecallResponse,
  outcomes: ReadonlyMap<Channel, ChannelOutcome>,
  expected: Expected,
): string[] {
  const { off, gone, isKnown } = expected;
  const found: string[] = [];
  if (channels.length !== CHANNELS.length || !CHANNELS.every((name) => outcomes.has(name))) {
    found.push('not each channel once');
  }
  const isPartial = [...outcomes.values()].some((outcome) => DEGRADED_OUTCOMES.has(outcome));
  if (degraded && !isPartial) found.push('degraded, and no channel is');
  if (!degraded && isPartial) found.push('not degraded, and a channel is');
  if (releaseId !== expected.releaseId) found.push('another release');
  if (userKnown !== (isKnown && !isWithoutHistory(channels))) found.push(`user known: ${userKnown}`);
  for (const name of off) if (outcomes.get(name) !== 'DISABLED') found.push(`${name} is off, and was run`);
  for (const name of gone) {
    if (outcomes.get(name) === 'OK' || outcomes.get(name) === 'EMPTY') found.push(`${name} answered from nothing`);
  }
  return found;
}

function itemViolations(
  { items, channels }: RecallResponse,
  outcomes: ReadonlyMap<Channel, ChannelOutcome>,
  { itemIds, n, seen, off }: Expected,
): string[] {
  const found: string[] = [];
  const ids = items.map(({ itemId }) => itemId);
  if (new Set(ids).size < ids.length) found.push('an item twice');
  if (ids.length > n) found.push('more items than wanted');
  // With the fallback off, the other channels are all there is.
  if (ids.length < n && !off.includes('POPULAR')) found.push('fewer items than wanted');
  if (ids.some((id) => !itemIds.has(id))) found.push('an item that the release does not have');
  if (!isWithoutHistory(channels) && ids.some((id) => seen.has(id))) found.push('a seen item');
  if (items.some(({ score }, i) => i > 0 && score > items[i - 1]!.score)) found.push('a score above the one before');
  if (items.some(({ score }) => !Number.isFinite(score))) found.push('a score that is no number');
  if (items.some(({ sources }) => sources.length === 0)) found.push('an item without a source');
  const isOk = (channel: string): boolean => outcomes.get(channel.replace('CHANNEL_', '') as Channel) === 'OK';
  if (items.some(({ sources }) => sources.some(({ channel }) => !isOk(channel)))) {
    found.push('a source that is not OK');
  }
  return found;
}

const isWithoutHistory = (channels: RecallResponse['channels']): boolean =>
  channels.some(({ message }) => WITHOUT_HISTORY.test(message));
