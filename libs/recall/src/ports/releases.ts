import type { ReleaseId, ScoredLists } from '@mic/domain';

/** One user of a release, as it is published. */
export interface PublishedUser {
  readonly row: number;
  readonly userId: string;
  readonly embedding: Float32Array;
  readonly profile: Int32Array;
  /** User rows, best first. */
  readonly similarRows: Uint32Array;
  readonly similarities: Float32Array;
}

/** What the store keeps of a complete release beside its lists; the manifest says the same. */
export interface ReleaseSummary {
  readonly releaseId: ReleaseId;
  /** sha256 of the release's manifest, hex. */
  readonly manifestSha256: string;
  /** The release that it was trained from, or null. */
  readonly parentId: string | null;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly encoder: string;
  /** Length of user and item vectors. */
  readonly dimension: number;
  /** sha256 of the feature schema, hex. */
  readonly featureSchemaSha256: string;
  readonly users: number;
  readonly items: number;
}

/** The record that says which release is served. */
export interface ReleasePointer {
  readonly releaseId: ReleaseId;
  /** sha256 of the release's manifest, hex. */
  readonly manifestSha256: string;
  /** Milliseconds since the epoch. */
  readonly movedAtMs: number;
}

/** The control records of the store: which releases are complete, and which one is served. */
export interface ReleaseRecords {
  /** What the pointer names, or null when nothing was published. */
  pointer(): Promise<ReleasePointer | null>;
  /** Sealed releases, oldest seal first. */
  releases(): Promise<readonly ReleaseSummary[]>;
}

/** Who may change the releases of a store, and for how long still. */
export interface PublishLease {
  /** Names a process and what it does, for people; unique. */
  readonly holder: string;
  readonly leftMs: number;
}

/** How large a release is in a store. */
export interface ReleaseShape {
  readonly users: number;
  /** Bytes of all user ids in UTF-8. */
  readonly userIdBytes: number;
  readonly items: number;
  /** Numbers of a user's id embedding and profile. */
  readonly idDimension: number;
  readonly profileWidth: number;
  /** Entries of all lists. */
  readonly similarUsers: number;
  readonly similarItems: number;
}

/** What a store holds, and may hold. */
export interface StoreMemory {
  readonly usedBytes: number;
  /** Null where it is not limited. */
  readonly maxBytes: number | null;
  /** What makes the store forget records on its own, in words; null where nothing does. */
  readonly forgets: string | null;
}

/**
 * Publishing side of the store: lists go in under the release's id, then `seal`, then one atomic move of the pointer.
 * Writing the same rows again changes nothing; the pointer can only name a sealed release.
 */
export interface ReleasePublisher extends ReleaseRecords {
  /**
   * Takes the lease for `ttlMs`.
   * @param by.force take it from whoever has it.
   * @returns who holds it now: the caller, or another.
   */
  lease(holder: string, ttlMs: number, by?: { readonly force?: boolean }): Promise<PublishLease>;
  /**
   * Makes the lease last for `ttlMs` from now, where the holder has it.
   * @returns who holds it now: the caller, another, or null: nobody, for it ran out or was taken and given back.
   */
  renewLease(holder: string, ttlMs: number): Promise<string | null>;
  /** Gives the lease back; that of another holder stays. */
  endLease(holder: string): Promise<void>;
  /** Notes that a release is being written. @returns false when it was begun, or sealed, before. */
  begin(releaseId: ReleaseId): Promise<boolean>;
  /** Releases that were begun and are not sealed. */
  unfinished(): Promise<readonly ReleaseId[]>;
  writeUsers(releaseId: ReleaseId, users: readonly PublishedUser[]): Promise<void>;
  /** True when every record of these users is there. */
  hasUsers(releaseId: ReleaseId, users: readonly Pick<PublishedUser, 'row' | 'userId'>[]): Promise<boolean>;
  /** Lists of the item rows firstRow, firstRow + 1, ... */
  writeSimilarItems(releaseId: ReleaseId, firstRow: number, lists: ScoredLists): Promise<void>;
  /** True when there is a list for each of `count` item rows. */
  hasSimilarItems(releaseId: ReleaseId, firstRow: number, count: number): Promise<boolean>;
  /**
   * Declares a release complete.
   * @throws MicError ALREADY_EXISTS when the id is sealed with another manifest; ABORTED when the lease is not the holder's (any
   *   more), or the release was removed meanwhile.
   */
  seal(summary: ReleaseSummary, holder: string): Promise<void>;
  /**
   * @throws MicError FAILED_PRECONDITION when the release is not sealed; ABORTED when the lease is not the holder's (any more).
   */
  movePointer(releaseId: ReleaseId, holder: string): Promise<ReleasePointer>;
  /** Removes a release's records. @throws MicError FAILED_PRECONDITION when the pointer names it. */
  removeRelease(releaseId: ReleaseId): Promise<void>;
  /** What the store needs for a release of that shape, bytes. */
  predictBytes(shape: ReleaseShape): number;
  memory(): Promise<StoreMemory>;
}
