import type { Channel, ReleaseId } from '@mic/domain';
import type { Eligibility } from './eligibility';
import type { CallOptions, ItemCatalog, ItemIndex, NeighborReader, UserVectors } from './ports';
import type { RecallProfile } from './profile';

/** Candidates of one channel, best first, column by column; each item once. */
export interface ChannelCandidates {
  /** Item rows of the release. */
  readonly rows: Uint32Array;
  /** The channel's own score: comparable within the channel only. */
  readonly scores: Float32Array;
  /** Similarity (-1 .. 1) of the strongest link to the item: what stands in for e_u . e_v without a user vector. */
  readonly similarities: Float32Array;
  /** Position in `triggerIds` of what contributed most. */
  readonly triggers: Uint32Array;
  readonly triggerIds: readonly string[];
}

/** What a channel knows of the request. */
export interface ChannelInput {
  readonly releaseId: ReleaseId;
  readonly userId: string;
  readonly profile: RecallProfile;
  readonly catalog: ItemCatalog;
  readonly eligibility: Eligibility;
  /** Rows of the user's history that the release knows, newest first. */
  readonly historyRows: Uint32Array;
  /** The user's vectors; rejects when the user tower gave none. */
  readonly userVectors: () => Promise<UserVectors>;
}

export interface ChannelPorts {
  readonly index: ItemIndex;
  readonly store: NeighborReader;
}

/** One way of finding candidates. A channel makes one call at most, and only asks for what the profile says. */
export interface RecallChannel {
  readonly name: Channel;
  /** Whether the channel reads the user's history: without it, it cannot be tried. */
  readonly needsHistory: boolean;
  retrieve(input: ChannelInput, ports: ChannelPorts, options: CallOptions): Promise<ChannelCandidates>;
}

export const NO_CANDIDATES: ChannelCandidates = {
  rows: new Uint32Array(0),
  scores: new Float32Array(0),
  similarities: new Float32Array(0),
  triggers: new Uint32Array(0),
  triggerIds: [],
};
