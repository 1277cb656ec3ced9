import type { Interaction, ReleaseId, ScoredLists } from '@mic/domain';

/**
 * What the recall path needs of the world. Each port has one implementation in the same process and (over gRPC) one
 * that calls a service; a conformance suite holds them to the same behaviour. Every model-derived call names the
 * release it wants; whoever does not have that release throws MicError FAILED_PRECONDITION and never answers from
 * another one.
 */
export interface CallOptions {
  /**
   * Fires when the answer is no longer wanted: implementations stop work and reject with MicError CANCELLED. Its reason is a
   * MicError: DEADLINE_EXCEEDED when time is up, anything else when the caller has gone.
   */
  readonly signal: AbortSignal;
  /** Id of the request, for logs. */
  readonly requestId: string;
  /** How long the caller waits, milliseconds; undefined: no limit. What calls further on passes it on. */
  readonly timeoutMs?: number;
  /** When a call of a service that has not answered is made once more, milliseconds; undefined: never. */
  readonly hedgeAfterMs?: number;
}

/** A release as its readers ask for it. */
export interface WantedRelease {
  readonly releaseId: ReleaseId;
  /** sha256 of the manifest that the reader has open, hex: the store's release must be of this content. */
  readonly manifestSha256?: string;
}

/** A user's events, packed, newest first. */
export interface PackedHistory {
  /** Item hashes, 2 words each (see hashIds). */
  readonly itemHashes: Uint32Array;
  /** Milliseconds since the epoch. */
  readonly timesMs: Float64Array;
  readonly weights: Float32Array;
}

/** The inputs of the user tower for one user. */
export interface UserTowerInput {
  /** The user's trained id embedding (length: the signature's idDimension), or null: unknown user, id masked. */
  readonly userRow: Float32Array | null;
  /** Profile fields as integers in the feature schema's layout, or null: every field masked. */
  readonly profile: Int32Array | null;
  /** Item rows of the release, newest first; longer ones are cut to the signature's longest history. */
  readonly historyRows: Uint32Array;
}

/** One or several unit vectors of one user. */
export interface UserVectors {
  readonly count: number;
  /** count x dimension, row-major. */
  readonly vectors: Float32Array;
}

/** The user tower. */
export interface UserEmbedder {
  embed(releaseId: ReleaseId, input: UserTowerInput, options: CallOptions): Promise<UserVectors>;
}

/** A burst of nearest-neighbour queries against the item vectors. */
export interface SearchRequest {
  readonly releaseId: ReleaseId;
  /** Number of query vectors. */
  readonly count: number;
  /** count x dimension, row-major, unit vectors. */
  readonly vectors: Float32Array;
  /** Results wanted per query, 1 .. item count (more is cut to the item count). */
  readonly k: number;
  /** HNSW search width; undefined: the index's default. Ignored by an exact index. */
  readonly ef?: number;
}

/** Nearest-neighbour search over a release's item vectors by dot product. */
export interface ItemIndex {
  search(request: SearchRequest, options: CallOptions): Promise<ScoredLists>;
}

/** A burst of queries by the vectors of user rows (one each, the normalised mean where a user has several). */
export interface SearchByUsersRequest extends Omit<SearchRequest, 'count' | 'vectors'> {
  readonly userRows: Uint32Array;
}

/**
 * Search with the user vectors of a release.
 * @throws MicError NOT_FOUND where they are not open: see MIC_USER_INDEX.
 */
export interface UserIndex {
  /** User rows nearest to each vector. */
  searchUsers(request: SearchRequest, options: CallOptions): Promise<ScoredLists>;
  /** Item rows nearest to the vector of each user. */
  searchByUsers(request: SearchByUsersRequest, options: CallOptions): Promise<ScoredLists>;
}

/** The item tower. */
export interface ItemEmbedder {
  /**
   * Vectors of items that the release does not know.
   * @param fields integers in the feature schema's layout, one array for each item.
   * @returns items x dimension, row-major, unit vectors.
   */
  embedItems(releaseId: ReleaseId, fields: readonly Int32Array[], options: CallOptions): Promise<Float32Array>;
}

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

/** What became of appended events. */
export interface AppendResult {
  /** Events that are now in a history. */
  readonly accepted: number;
  /** Events that were there already (same user, item and time). */
  readonly duplicates: number;
  /** Events not newer than the oldest one of a full history, or older than the store's time to live: not kept. */
  readonly tooOld: number;
}

/**
 * Write side of the store's live history. Idempotent by (user, item, time); an event is placed by its time; a history
 * keeps the newest `historyCap` events, and of those the ones that are not older than `historyTtlMs`.
 */
export interface HistoryWriter {
  appendEvents(events: readonly Interaction[], options?: CallOptions): Promise<AppendResult>;
}

/**
 * Histories of several users, one behind the other: user i has the events [offsets[i], offsets[i + 1]), newest first. No
 * user comes twice, and no event of a user.
 */
export interface PackedHistories extends PackedHistory {
  readonly userIds: readonly string[];
  /** Length: users + 1. */
  readonly offsets: Uint32Array;
}

/** What an expiry took away. */
export interface ExpiryReport {
  /** Users whose history was looked at. */
  readonly users: number;
  /** Users that had no event left within the time to live. */
  readonly usersRemoved: number;
  readonly eventsRemoved: number;
}

/** The offline side of the live history: filling and clearing it in bulk. */
export interface HistoryKeeper {
  /**
   * As `appendEvents` of the same events, oldest first, without an object for each: merged with what is there. Where events
   * of one time do not all have a place in a history, it may keep other ones of them.
   */
  importHistories(histories: PackedHistories): Promise<AppendResult>;
  /**
   * Takes away the events that are older than the store's time to live, and the users that have no others, a portion at
   * a time. Reads hide them before. Without a time to live nothing is looked at.
   * @param by.signal ends it after the portion that is under way.
   */
  expireHistories(by?: { readonly signal?: AbortSignal }): Promise<ExpiryReport>;
}

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

/** Raw fields of an item by name, as UpsertItems takes them. */
export type ItemFields = Readonly<Record<string, string | number | readonly string[]>>;

/** The newest that was said of an item beside the releases: it is there, with these fields, or it must not be returned. */
export interface LiveItem {
  readonly itemId: string;
  /** Null: the item is hidden. */
  readonly fields: ItemFields | null;
}

/** Up to which change a reader knows the live items. */
export interface LiveItemsMark {
  /** Number of the newest change; 0 before the first. */
  readonly revision: number;
  /** Another number when records were forgotten, which no revision shows. */
  readonly epoch: number;
}

/** What a reader of live items has not seen yet. */
export interface LiveItemChanges extends LiveItemsMark {
  /** True where `items` are all there are: what the reader had is to be dropped. */
  readonly isWhole: boolean;
  /** In the order of their changes; each item once, as it is now. */
  readonly items: readonly LiveItem[];
}

/** Read side of the live items, a control record of the store: read by whoever serves items, and small. */
export interface LiveItemRecords {
  /** @param known what the reader has; null: nothing. */
  liveItems(known: LiveItemsMark | null): Promise<LiveItemChanges>;
}

/**
 * Write side of the live items. Idempotent: saying the same again changes nothing and makes no revision; of two things said the
 * later one counts.
 */
export interface LiveItemWriter {
  /**
   * Stores what is said of some items, all or none.
   * @returns the revision after it.
   * @throws MicError RESOURCE_EXHAUSTED when there would be more records than the store's cap.
   */
  writeLiveItems(items: readonly LiveItem[], options?: CallOptions): Promise<number>;
}

/** What callers say of items: checked, stored, and in force here when a call returns. */
export interface ItemWriter {
  /** @returns the revision after it. @throws MicError INVALID_ARGUMENT for a field that the release does not have. */
  upsertItems(
    items: readonly { readonly itemId: string; readonly fields: ItemFields }[],
    options: CallOptions,
  ): Promise<number>;
  /** Hides items. @returns the revision after it. */
  removeItems(itemIds: readonly string[], options: CallOptions): Promise<number>;
}

/** The offline side: what a release knows by itself needs no record. */
export interface LiveItemKeeper {
  /**
   * Takes records away.
   * @param items as they were read: one that was changed since stays.
   * @returns how many went.
   */
  forgetLiveItems(items: readonly LiveItem[]): Promise<number>;
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
   * Takes the lease for `ttlMs`, or renews it.
   * @param by.force take it from whoever has it.
   * @returns who holds it now: the caller, or another.
   */
  lease(holder: string, ttlMs: number, by?: { readonly force?: boolean }): Promise<PublishLease>;
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
  /** Declares a release complete. @throws MicError ALREADY_EXISTS when the id is sealed with another manifest. */
  seal(summary: ReleaseSummary): Promise<void>;
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

/** The whole store behind its ports; a backend implements all of it. */
export interface Store
  extends
    NeighborReader,
    HistoryWriter,
    HistoryKeeper,
    ReleasePublisher,
    LiveItemRecords,
    LiveItemWriter,
    LiveItemKeeper {
  close(): Promise<void>;
}

/** The items of one release, as the gateway holds them in memory. */
export interface ItemCatalog {
  readonly releaseId: ReleaseId;
  readonly itemCount: number;
  readonly dimension: number;
  /** itemCount x dimension, row-major, unit vectors. */
  readonly vectors: Float32Array;
  /** Category of each item: an index into the release's category names; 0 is "none". */
  readonly categories: Uint32Array;
  readonly categoryNames: readonly string[];
  /** Number of training events of each item. */
  readonly popularity: Float32Array;
  /** Item rows of a category, or of all for 0, most events first; as many as the release lists, none where it lists none. */
  popular(category: number): Uint32Array;
  itemId(row: number): string;
  /** Rows of packed item hashes, NO_ROW where the release does not know the item. */
  rowsOf(itemHashes: Uint32Array): Uint32Array;
}
