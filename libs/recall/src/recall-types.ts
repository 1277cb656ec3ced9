import type { Channel, ChannelOutcome, ReleaseId } from '@mic/domain';
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
  /** Add the parts of each score to the answer. */
  readonly explain?: boolean;
}

/** One way in which an item was found. */
export interface CandidateSource {
  readonly channel: Channel;
  /** The channel's own score of the item: comparable within the channel only. */
  readonly score: number;
  /** What led there: '' for U2I, the similar user's id for U2U2I, the recent item's id for U2I2I. */
  readonly trigger: string;
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
}

export interface RecallResult {
  readonly userId: string;
  /** True when the release knows the user; false, too, when the store did not say. */
  readonly userKnown: boolean;
  readonly requestId: string;
  readonly releaseId: ReleaseId;
  /** Name of the parameter set that was used. */
  readonly profile: string;
  /** Names the values of that parameter set: see pickProfile. */
  readonly profileHash: string;
  /** True when any channel is LATE, FAILED or SHED. */
  readonly degraded: boolean;
  /** What `basic` was computed from: the user's vector, or, without one, the channels' own similarities. */
  readonly basicScore: 'USER_VECTOR' | 'CHANNEL_SIMILARITY';
  readonly items: readonly RecalledItem[];
  readonly channels: readonly ChannelReport[];
}

/** The recall path as the API calls it. */
export interface RecallService {
  /** @param deadlineMs time left for the answer, in milliseconds; Infinity when the caller set none. */
  recall(request: RecallRequest, deadlineMs: number, signal: AbortSignal): Promise<RecallResult>;
}
