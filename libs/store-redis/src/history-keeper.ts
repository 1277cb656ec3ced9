import type { AppendResult, ExpiryReport, HistoryKeeper, PackedHistories } from '@mic/recall';
import {
  decodeHistory,
  encodeHistory,
  historyExtent,
  importHistory,
  type HistoryBounds,
  type HistoryRetention,
} from '@mic/store-records';
import {
  historyEvents,
  revisionOf,
  storedHistory,
  USERS_AT_ONCE,
  type HistoryUpdate,
  type HistoryUpdater,
} from './history-updates';
import type { Keys } from './keys';
import type { Command, RedisLink } from './redis-link';
import { SHORTEN_HISTORY } from './scripts';

/** Portions of an import that are under way at a time. */
const PORTIONS_AT_ONCE = 2;

/** Fills histories in bulk, and clears them of what is too old. */
export class RedisHistoryKeeper implements HistoryKeeper {
  readonly #link: RedisLink;
  readonly #keys: Keys;
  readonly #retention: HistoryRetention;
  readonly #updater: HistoryUpdater;

  constructor(link: RedisLink, keys: Keys, retention: HistoryRetention, updater: HistoryUpdater) {
    this.#link = link;
    this.#keys = keys;
    this.#retention = retention;
    this.#updater = updater;
  }

  /** Users without a history are written at once; what is there already is read, merged and replaced. */
  async importHistories(histories: PackedHistories): Promise<AppendResult> {
    const portions: number[][] = [];
    for (let from = 0; from < histories.userIds.length; from += USERS_AT_ONCE) {
      const to = Math.min(from + USERS_AT_ONCE, histories.userIds.length);
      portions.push(Array.from({ length: to - from }, (_, i) => from + i));
    }
    const total = { accepted: 0, duplicates: 0, tooOld: 0 };
    const add = ({ accepted, duplicates, tooOld }: AppendResult): void => {
      total.accepted += accepted;
      total.duplicates += duplicates;
      total.tooOld += tooOld;
    };
    // Where one portion is there already, the next ones most likely are, too: they are read at once.
    let areMissing = true;
    // Redis works on one portion while the next is packed.
    const take = async (): Promise<void> => {
      for (let users = portions.shift(); users; users = portions.shift()) {
        const there = areMissing ? await this.#setMissing(histories, users, add) : users;
        areMissing &&= there.length === 0;
        await this.#merge(histories, there, add);
      }
    };
    await Promise.all(Array.from({ length: PORTIONS_AT_ONCE }, take));
    return total;
  }

  async expireHistories({ signal }: { readonly signal?: AbortSignal } = {}): Promise<ExpiryReport> {
    const report = { users: 0, usersRemoved: 0, eventsRemoved: 0 };
    if (!this.#retention.hasTtl) return report;
    for await (const { names } of this.#link.scan(this.#keys.historiesPattern, USERS_AT_ONCE)) {
      const removed = await this.#shorten(names.map((name) => name.toString()));
      report.users += names.length;
      report.usersRemoved += removed.users;
      report.eventsRemoved += removed.events;
      if (signal?.aborted) break;
    }
    return report;
  }

  /**
   * Sets the histories that are missing, and gives the users that have one. All of a slot are one command, where all of them
   * are missing; no command sets several keys and when they go.
   */
  async #setMissing(
    histories: PackedHistories,
    users: readonly number[],
    add: (result: AppendResult) => void,
  ): Promise<number[]> {
    const bounds = this.#retention.bounds();
    const keys = this.#keys.histories(users.map((user) => histories.userIds[user]!));
    const fresh = users.flatMap((user, i) => {
      const { record, newestMs, result } = importHistory(histories, user, undefined, bounds);
      if (record) return [{ user, key: keys[i]!, value: storedHistory(record), newestMs, result }];
      add(result);
      return [];
    });
    const groups = this.#retention.hasTtl ? fresh.map((one) => [one]) : this.#link.bySlot(fresh);
    const answers = await this.#link.run(
      groups.map((group): Command => {
        const [{ key, value, newestMs }] = group as [(typeof fresh)[0]];
        if (!this.#retention.hasTtl) {
          return { key, words: ['msetnx', ...group.flatMap((one) => [one.key.name, one.value])] };
        }
        return { key, words: ['set', key.name, value, 'NX', 'PXAT', this.#updater.expiryOf(newestMs)] };
      }),
    );
    return groups.flatMap((group, g) => {
      if (answers[g] === 0 || answers[g] === null) return group.map(({ user }) => user);
      for (const { result } of group) add(result);
      return [];
    });
  }

  async #merge(
    histories: PackedHistories,
    users: readonly number[],
    add: (result: AppendResult) => void,
  ): Promise<void> {
    const results = new Map<number, AppendResult>();
    await this.#updater.update(
      users.map((user): HistoryUpdate => ({
        userId: histories.userIds[user]!,
        change: (stored, bounds) => {
          const { record, newestMs, result } = importHistory(histories, user, stored, bounds);
          results.set(user, result);
          return record && { record, newestMs };
        },
      })),
    );
    for (const result of results.values()) add(result);
  }

  /** What another process changes meanwhile has the right length and end by that. */
  async #shorten(names: readonly string[]): Promise<{ readonly users: number; readonly events: number }> {
    const keys = names.map((name) => this.#keys.historyOfName(name));
    const stored = await this.#link.get(keys);
    const bounds = this.#retention.bounds();
    const cuts = keys.flatMap((key, i) => (stored[i] ? [{ key, ...this.#cut(stored[i], bounds) }] : []));
    const answers = await this.#link.run(
      cuts.map(({ key, read, left, expiry }): Command => ({
        key,
        words: ['eval', SHORTEN_HISTORY, 1, key.name, read, left, expiry],
      })),
    );
    const removed = { users: 0, events: 0 };
    cuts.forEach(({ left, events }, i) => {
      if (answers[i] !== 1) return;
      removed.events += events;
      if (left === '') removed.users++;
    });
    return removed;
  }

  /** What is to be left of a stored history, as SHORTEN_HISTORY takes it, and how many events go. */
  #cut(stored: Buffer, { oldestMs }: HistoryBounds) {
    const packed = historyEvents(stored)!;
    const kept = decodeHistory(packed, Infinity, oldestMs);
    const events = historyExtent(packed).count - kept.timesMs.length;
    const read = revisionOf(stored);
    if (kept.timesMs.length === 0) return { read, left: '' as const, expiry: '' as const, events };
    const expiry = this.#updater.expiryOf(kept.timesMs[0]!);
    return { read, left: events === 0 ? ('=' as const) : storedHistory(encodeHistory(kept)), expiry, events };
  }
}
