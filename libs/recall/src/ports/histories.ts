import type { Interaction } from '@mic/domain';
import type { CallOptions } from './call-options';

/** A user's events, packed, newest first. */
export interface PackedHistory {
  /** Item hashes, 2 words each (see hashIds). */
  readonly itemHashes: Uint32Array;
  /** Milliseconds since the epoch. */
  readonly timesMs: Float64Array;
  readonly weights: Float32Array;
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
