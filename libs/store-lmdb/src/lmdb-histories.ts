import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Interaction } from '@mic/domain';
import type { AppendResult, ExpiryReport, HistoryKeeper, PackedHistories, PackedHistory } from '@mic/recall';
import {
  countSince,
  decodeHistory,
  encodeHistory,
  historyExtent,
  importHistory,
  placeEvents,
  type HistoryBounds,
  type HistoryRetention,
} from '@mic/store-records';
import { guarded, type LmdbAccess } from './access';
import { keys } from './keys';

/** Histories that an expiry looks at before it leaves the event loop and other writers their turns. */
const LOOK_AT_ONCE = 500;

/** Users whose histories one transaction fills. */
const IMPORT_AT_ONCE = 2_000;
const NO_EVENTS: AppendResult = { accepted: 0, duplicates: 0, tooOld: 0 };

/** The live histories of a store in LMDB. */
export class LmdbHistories implements HistoryKeeper {
  readonly #access: LmdbAccess;
  readonly #retention: HistoryRetention;

  constructor(access: LmdbAccess, retention: HistoryRetention) {
    this.#access = access;
    this.#retention = retention;
  }

  /** The newest `limit` events of a user. */
  read(userId: string, limit: number): PackedHistory {
    return decodeHistory(this.#access.db.get(keys.history(userId)), limit, this.#retention.bounds().oldestMs);
  }

  async appendEvents(events: readonly Interaction[]): Promise<AppendResult> {
    const byUser = new Map<string, Interaction[]>();
    for (const event of events) {
      const own = byUser.get(event.userId);
      if (own) own.push(event);
      else byUser.set(event.userId, [event]);
    }
    const added = [...byUser.values()];
    return this.#change([...byUser.keys()], (stored, i, bounds) => {
      const before = decodeHistory(stored, bounds.cap, bounds.oldestMs);
      const { history, result } = placeEvents(before, added[i]!, bounds);
      return { record: result.accepted > 0 ? encodeHistory(history) : null, result };
    });
  }

  /** In transactions of some users, all of one commit where that is possible. */
  async importHistories(histories: PackedHistories): Promise<AppendResult> {
    const { userIds } = histories;
    const starts = Array.from({ length: Math.ceil(userIds.length / IMPORT_AT_ONCE) }, (_, i) => i * IMPORT_AT_ONCE);
    const results = await Promise.all(
      starts.map((from) =>
        this.#change(userIds.slice(from, from + IMPORT_AT_ONCE), (stored, i, bounds) =>
          importHistory(histories, from + i, stored, bounds),
        ),
      ),
    );
    return results.reduce(sum, NO_EVENTS);
  }

  async expireHistories({ signal }: { readonly signal?: AbortSignal } = {}): Promise<ExpiryReport> {
    const report = { users: 0, usersRemoved: 0, eventsRemoved: 0 };
    if (!this.#retention.hasTtl) return report;
    let last: string | null = null;
    while (!signal?.aborted) {
      const { oldestMs } = this.#retention.bounds();
      const portion = this.#portionAfter(last, oldestMs);
      if (portion.length === 0) break;
      last = portion.at(-1)!.userId;
      report.users += portion.length;
      const stale = portion.filter(({ isStale }) => isStale).map(({ userId }) => keys.history(userId));
      if (stale.length > 0) {
        const removed = await this.#access.write(() => this.#removeBefore(stale, oldestMs));
        report.usersRemoved += removed.users;
        report.eventsRemoved += removed.events;
      }
      await nextTurn();
    }
    return report;
  }

  /** Changes the histories of some users in one transaction. */
  async #change(
    userIds: readonly string[],
    change: (
      stored: Buffer | undefined,
      user: number,
      bounds: HistoryBounds,
    ) => { readonly record: Buffer | null; readonly result: AppendResult },
  ): Promise<AppendResult> {
    if (userIds.length === 0) return NO_EVENTS;
    // Keys are checked before the transaction begins.
    const historyKeys = userIds.map((userId) => keys.history(userId));
    const { db } = this.#access;
    return this.#access.write(() => {
      const bounds = this.#retention.bounds();
      const changed = historyKeys.map((key, i) => change(db.get(key), i, bounds));
      changed.forEach(({ record }, i) => {
        if (record) void db.put(historyKeys[i]!, record);
      });
      return changed.map(({ result }) => result).reduce(sum, NO_EVENTS);
    });
  }

  /** The users that come next in the store, and whether they have events before that moment. */
  #portionAfter(last: string | null, oldestMs: number): { readonly userId: string; readonly isStale: boolean }[] {
    const range = { ...keys.historiesFrom(last ?? ''), limit: LOOK_AT_ONCE + 1 };
    return guarded(() =>
      Array.from(this.#access.db.getRange(range), ({ key, value }) => ({
        userId: String(key[1]),
        isStale: countSince(value, oldestMs) < historyExtent(value).count,
      })),
    )
      .filter(({ userId }) => userId !== last)
      .slice(0, LOOK_AT_ONCE);
  }

  /** In a transaction: histories without their events before that moment. */
  #removeBefore(stale: readonly string[][], oldestMs: number): { readonly users: number; readonly events: number } {
    const { db } = this.#access;
    const removed = { users: 0, events: 0 };
    for (const key of stale) {
      const record = db.get(key);
      if (!record) continue;
      const kept = decodeHistory(record, Infinity, oldestMs);
      removed.events += historyExtent(record).count - kept.timesMs.length;
      if (kept.timesMs.length > 0) void db.put(key, encodeHistory(kept));
      else {
        removed.users++;
        void db.remove(key);
      }
    }
    return removed;
  }
}

function sum(a: AppendResult, b: AppendResult): AppendResult {
  return {
    accepted: a.accepted + b.accepted,
    duplicates: a.duplicates + b.duplicates,
    tooOld: a.tooOld + b.tooOld,
  };
}
