import type { Channel, ReleaseId } from '@mic/domain';
import type { Effort } from './effort';
import type { Eligibility } from './eligibility';
import type { Items } from './items';
import type { CallOptions, ItemIndex, NeighborReader, UserIndex, UserVectors } from './ports';
import type { RecallProfile } from './profile';

/** One thing that led to a candidate. */
export interface Contribution {
  /** Position in `triggerIds`. */
  readonly trigger: number;
  /** What it adds to the channel's score. */
  readonly evidence: number;
}

/** Candidates of one channel, best first, column by column; each item once. */
export interface ChannelCandidates {
  /** Item rows, see Items. */
  readonly rows: Uint32Array;
  /** The channel's own score: comparable within the channel only. */
  readonly scores: Float32Array;
  /** Similarity (-1 .. 1) of the strongest link to the item: what stands in for e_u . e_v without a user vector. */
  readonly similarities: Float32Array;
  /** Position in `triggerIds` of what contributed most. */
  readonly triggers: Uint32Array;
  readonly triggerIds: readonly string[];
  /** All that led to each candidate, strongest first; where the request asked to explain. */
  readonly contributions?: readonly (readonly Contribution[])[];
  /** Eligible rows that the quota left out; where the request asked to explain. */
  readonly beyondQuota?: Uint32Array;
}

/** What a channel knows of the request. */
export interface ChannelInput {
  readonly releaseId: ReleaseId;
  readonly userId: string;
  /** True when the release knows the user; null when the store did not say. */
  readonly userKnown: boolean | null;
  /** Items that the answer is to have. */
  readonly n: number;
  readonly profile: RecallProfile;
  readonly items: Items;
  readonly eligibility: Eligibility;
  /** Rows of the user's history that are known, newest first. */
  readonly historyRows: Uint32Array;
  /** The user's vectors; rejects when the user tower gave none. */
  readonly userVectors: () => Promise<UserVectors>;
  /** Whether too few items were found: as many are wanted as the answer is to have, whatever the quota. */
  readonly fillsUp: boolean;
  /** What the time allows of the profile's numbers. */
  readonly effort: Effort;
  /** Search width of the item index where the profile names none; undefined: it has none. */
  readonly indexEf: number | undefined;
  /** Likewise of the user index. */
  readonly userIndexEf: number | undefined;
  /** Whether to say all that led to each candidate. */
  readonly explain: boolean;
  /** Says something of the channel in the answer. */
  readonly note: (text: string) => void;
}

export interface ChannelPorts {
  readonly index: ItemIndex;
  readonly userIndex: UserIndex;
  readonly store: NeighborReader;
}

/** How a candidate was found, for people. */
export interface Found {
  /** See CandidateSource.trigger. */
  readonly trigger: string;
  /** Others that led there, too. */
  readonly others: number;
  /** The channel's score of it. */
  readonly score: number;
}

/** A number of a channel in a profile. */
export interface ChannelCount {
  readonly setting: string;
  readonly most: number;
}

/** One way of finding candidates. It asks for what the profile says, or less where its effort is less. */
export interface RecallChannel {
  readonly name: Channel;
  /** Whether the channel reads the user's history: without it, it cannot be tried. */
  readonly needsHistory: boolean;
  /** Whether it asks no service: it is run for pressed requests, too, and (again) where too few items were found. */
  readonly asksNobody: boolean;
  /** Its numbers in a profile by what a request's overrides call them. */
  readonly counts: Readonly<Partial<Record<'triggers' | 'perTrigger' | 'ef', ChannelCount>>>;
  /** Whether it waits for the others, and is run only where they find too few. */
  isFallback(profile: RecallProfile): boolean;
  retrieve(input: ChannelInput, ports: ChannelPorts, options: CallOptions): Promise<ChannelCandidates>;
  /** Why a candidate is one, as the end of a sentence that begins with the item. */
  because(found: Found): string;
}

export const NO_CANDIDATES: ChannelCandidates = {
  rows: new Uint32Array(0),
  scores: new Float32Array(0),
  similarities: new Float32Array(0),
  triggers: new Uint32Array(0),
  triggerIds: [],
};
