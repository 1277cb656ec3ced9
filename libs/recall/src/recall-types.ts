import type { Channel, ChannelOutcome, ReleaseId } from '@mic/domain';
import type { RawRow } from '@mic/features';
import type { Ineligible } from './eligibility';
import type { RecallOverrides } from './overrides';
import type { PackedHistory } from './ports';

/** One recall request, already checked at the edge (see validateRecallRequest). */
export interface RecallRequest {
  readonly requestId: string;
  readonly userId: string;
  /** Items wanted; undefined: the profile's default. */
  readonly n?: number;
  /** Name of the parameter set; undefined or '': the default one. */
  readonly profile?: string;
  /** The release that must answer; undefined: the current one. */
  readonly releaseId?: ReleaseId;
  /** Events that the caller knows of and the store may not, newest first; merged with the stored history. */
  readonly inlineHistory?: PackedHistory;
  /** Items that must not be returned. */
  readonly excludeItemIds?: readonly string[];
  /** When not empty, only items of these categories are returned. */
  readonly categories?: readonly string[];
  /** Return items of the user's history, too. */
  readonly includeSeen?: boolean;
  /** Add to the answer the parts of each score, what led to each item, and what was left out and why. */
  readonly explain?: boolean;
  /** Raw fields of the user, in the places of those stored. */
  readonly userFields?: RawRow;
  /** When not empty, only these items are returned. */
  readonly onlyItemIds?: readonly string[];
  /** Values that take the place of the profile's. */
  readonly overrides?: RecallOverrides;
  /** The process is busy: the answer is made without asking anyone. */
  readonly isPressed?: boolean;
  /** Nobody waits for the answer, and it is not noted: see warmUp. */
  readonly isRehearsal?: boolean;
}

/** One way in which an item was found. */
export interface CandidateSource {
  readonly channel: Channel;
  /** The channel's own score of the item: comparable within the channel only. */
  readonly score: number;
  /**
   * What led there most: '' for U2I, the similar user's id for U2U2I, the recent item's id for U2I2I, the category's name for
   * POPULAR.
   */
  readonly trigger: string;
  /** The same in words. Present when the request asked to explain, as is the next one. */
  readonly because?: string;
  /** All that led there, strongest first. */
  readonly triggers?: readonly { readonly id: string; readonly evidence: number }[];
}

/** Why a candidate is not returned: it must not be, its channel had better ones, or its place is behind n. */
export type DropReason = Ineligible | 'QUOTA' | 'RANK';

/** A candidate that was found and is not returned. */
export interface DroppedCandidate {
  readonly itemId: string;
  readonly reason: DropReason;
  /** Channels that found it. */
  readonly channels: readonly Channel[];
  /** Where it came as far as the ranking. */
  readonly score?: number;
}

/** The parts of a score before their weights. */
export interface ScoreParts {
  readonly basic: number;
  readonly repetition: number;
  readonly diversity: number;
  readonly similarUsers: number;
  readonly similarItems: number;
}

export interface RecalledItem {
  readonly itemId: string;
  readonly score: number;
  /** Category name, '' where the item has none. */
  readonly category: string;
  readonly sources: readonly CandidateSource[];
  /** Present when the request asked to explain. */
  readonly parts?: ScoreParts;
}

export interface ChannelReport {
  readonly channel: Channel;
  readonly outcome: ChannelOutcome;
  /** Candidates after the channel's quota and filters. */
  readonly candidates: number;
  readonly elapsedMs: number;
  /** Why, where the outcome is not OK; what the channel had to do without, where it is; '' when there is nothing to say. */
  readonly message: string;
  /** What was asked for less of because little time was left, as "ef 200 -> 80". */
  readonly shrunk: readonly string[];
}

export interface RecallResult {
  readonly userId: string;
  /** True when the release knows the user; false, too, when the store did not say. */
  readonly userKnown: boolean;
  readonly requestId: string;
  readonly releaseId: ReleaseId;
  /** Name of the parameter set that was used. */
  readonly profile: string;
  /** Names the values of that parameter set, overrides included: see pickProfile. */
  readonly profileHash: string;
  /** True when any channel is LATE, FAILED or SHED. */
  readonly degraded: boolean;
  /** What `basic` was computed from: the user's vector, or, without one, the channels' own similarities. */
  readonly basicScore: 'USER_VECTOR' | 'CHANNEL_SIMILARITY';
  readonly items: readonly RecalledItem[];
  readonly channels: readonly ChannelReport[];
  /** Number of the newest change of live items that the answer knew of. */
  readonly itemsRevision: number;
  /** Candidates that are not returned; empty unless the request asked to explain. */
  readonly dropped: readonly DroppedCandidate[];
}

/** The recall path as the API calls it. */
export interface RecallService {
  /** @param deadlineMs time left for the answer, in milliseconds; Infinity when the caller set none. */
  recall(request: RecallRequest, deadlineMs: number, signal: AbortSignal): Promise<RecallResult>;
}
