import type { Channel, ChannelOutcome } from '@mic/domain';
import type { MicCallError } from './call-error';
import type { RecallRequest } from './requests';

/** A name that a service of a newer version uses and this client does not know. */
export type Unknown = 'UNKNOWN';

/** U2I: user vector to items. U2U2I: recent items of similar users. U2I2I: items similar to the recent ones. POPULAR: a fallback. */
export type ChannelName = Channel | Unknown;

/** What became of a channel: see ChannelReport. */
export type OutcomeName = ChannelOutcome | Unknown;

/** What the basic score was computed from: the user's vector, or, without one in time, the channels' own similarities. */
export type BasicScoreName = 'USER_VECTOR' | 'CHANNEL_SIMILARITY' | Unknown;

/**
 * Why a candidate is not returned. SEEN: the history has it. EXCLUDED: the request excludes it. FILTERED: not among what the
 * request wants. HIDDEN: it was removed. QUOTA: its channel had better ones. RANK: its place is behind n.
 */
export type DropReasonName = 'SEEN' | 'EXCLUDED' | 'FILTERED' | 'HIDDEN' | 'QUOTA' | 'RANK' | Unknown;

export interface RecallResponse {
  readonly userId: string;
  /** True when the release knows the user. */
  readonly userKnown: boolean;
  /** This request in the logs of every service. */
  readonly requestId: string;
  /** The one release that every item and score comes from. */
  readonly releaseId: string;
  /** Name of the parameter set that was used. */
  readonly profile: string;
  /** Names its values, overrides included: the same as long as none changes. */
  readonly profileHash: string;
  /** True when a channel was LATE, FAILED or SHED: the answer is right but may lack items. */
  readonly degraded: boolean;
  readonly basicScore: BasicScoreName;
  /** At most n, best first, each once. */
  readonly items: readonly RecalledItem[];
  /** Every channel of the profile once, also those that returned nothing. */
  readonly channels: readonly ChannelReport[];
  /** Number of the newest change of live items that the answer knew of: compare it with what upsertItems resolved to. */
  readonly itemsRevision: number;
  /** Candidates that were found and not returned, where the request asked to explain; at most 1,000. */
  readonly dropped: readonly DroppedCandidate[];
}

export interface RecalledItem {
  readonly itemId: string;
  /** Orders the items; comparable within one response only. */
  readonly score: number;
  /** Name of the category, '' where the item has none. */
  readonly category: string;
  /** Every way in which the item was found, at least one. */
  readonly sources: readonly CandidateSource[];
  /** The parts of the score before their weights, where the request asked to explain. */
  readonly parts?: ScoreParts;
}

export interface CandidateSource {
  readonly channel: ChannelName;
  /** Comparable within the channel only. */
  readonly score: number;
  /** '' for U2I, the similar user's id for U2U2I, the recent item's id for U2I2I, the category for POPULAR. */
  readonly trigger: string;
  /** The same in words, where the request asked to explain; else ''. */
  readonly because: string;
  /** All that led there, strongest first, where the request asked to explain. */
  readonly triggers: readonly { readonly id: string; readonly evidence: number }[];
}

export interface ScoreParts {
  readonly basic: number;
  readonly repetition: number;
  readonly diversity: number;
  readonly similarUsers: number;
  readonly similarItems: number;
}

export interface ChannelReport {
  readonly channel: ChannelName;
  /** OK: it found candidates. EMPTY: it had none. LATE, FAILED, SHED: the answer lacks it. DISABLED: not wanted, or not needed. */
  readonly outcome: OutcomeName;
  /** Candidates after the channel's quota and filters. */
  readonly candidates: number;
  readonly elapsedMs: number;
  /** Why, where the outcome is not OK; else ''. */
  readonly message: string;
  /** What was asked for less of because little time was left, as "ef 200 -> 80". */
  readonly shrunk: readonly string[];
}

export interface DroppedCandidate {
  readonly itemId: string;
  readonly reason: DropReasonName;
  readonly channels: readonly ChannelName[];
  /** Where it came as far as the ranking. */
  readonly score?: number;
}

/** What became of one request of several: `if (answer.error)` tells which. */
export type RecallAnswer =
  | { readonly request: RecallRequest; readonly response: RecallResponse; readonly error?: undefined }
  | { readonly request: RecallRequest; readonly response?: undefined; readonly error: MicCallError };

/** What became of the events: the counts add up to the number of events. */
export interface AppendResult {
  /** Now in a history. */
  readonly accepted: number;
  /** There already, or twice in the call. */
  readonly duplicates: number;
  /** Older than what the store keeps. */
  readonly tooOld: number;
}

/** A change of live items. */
export interface ItemsChange {
  /** Its number: answers whose itemsRevision is not smaller knew of it. */
  readonly revision: number;
}
