import type { ScoredLists } from '@mic/domain';
import type { CallOptions, WantedRelease } from './call-options';
import type { PackedHistory } from './histories';

/** What the store knows of one user. */
export interface UserContext {
  /** True when the release knows the user (the user was trained on). */
  readonly userKnown: boolean;
  readonly userRow: Float32Array | null;
  readonly profile: Int32Array | null;
  /** Live history, newest first; it may be there although the release does not know the user. */
  readonly history: PackedHistory;
}

/** Recent events of some users of a release; list i of the items belongs to userIds[i]. */
export interface UsersItems {
  readonly userIds: readonly string[];
  /** Rows of the release, one for each user. */
  readonly userRows: Uint32Array;
  /** Length: users + 1. */
  readonly offsets: Uint32Array;
  /** Item hashes, 2 words each, newest first within a user. */
  readonly itemHashes: Uint32Array;
  /** Milliseconds since the epoch. */
  readonly timesMs: Float64Array;
}

/** Recent events of the users most similar to one user. */
export interface SimilarUsersItems extends UsersItems {
  /** Similarity to the asking user, -1 .. 1, best first. */
  readonly similarities: Float32Array;
}

/** Read side of the store: history, similar users, similar items. One call each, whatever the backend does inside. */
export interface NeighborReader {
  userContext(
    request: WantedRelease & { readonly userId: string; readonly historyLimit: number },
    options: CallOptions,
  ): Promise<UserContext>;

  /** An unknown user has no similar users: the lists are empty. */
  similarUsersItems(
    request: WantedRelease & {
      readonly userId: string;
      /** Similar users wanted (M1). */
      readonly users: number;
      /** Most recent items of each (M2). */
      readonly itemsPerUser: number;
    },
    options: CallOptions,
  ): Promise<SimilarUsersItems>;

  /** The users of these rows, in their order; a row that the release does not have is left out. */
  usersItems(
    request: WantedRelease & {
      readonly userRows: Uint32Array;
      /** Most recent items of each (M2). */
      readonly itemsPerUser: number;
    },
    options: CallOptions,
  ): Promise<UsersItems>;

  /** List i: the items most similar to itemRows[i]; empty where the release has none. */
  similarItems(
    request: WantedRelease & {
      readonly itemRows: Uint32Array;
      /** Similar items wanted of each (M3). */
      readonly limit: number;
    },
    options: CallOptions,
  ): Promise<ScoredLists>;
}
