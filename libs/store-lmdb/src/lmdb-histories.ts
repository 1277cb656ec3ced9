import type { Interaction } from '@mic/domain';
import type { AppendResult, PackedHistory } from '@mic/recall';
import { decodeHistory, encodeHistory, placeEvents } from '@mic/store-records';
import type { LmdbAccess } from './access';
import { keys } from './keys';

/** The live histories of a store in LMDB. */
export class LmdbHistories {
  readonly #access: LmdbAccess;
  readonly #historyCap: number;

  constructor(access: LmdbAccess, historyCap: number) {
    this.#access = access;
    this.#historyCap = historyCap;
  }

  /** The newest `limit` events of a user. */
  read(userId: string, limit: number): PackedHistory {
    return decodeHistory(this.#access.db.get(keys.history(userId)), limit);
  }

  async appendEvents(events: readonly Interaction[]): Promise<AppendResult> {
    const byUser = new Map<string, Interaction[]>();
    for (const event of events) {
      const own = byUser.get(event.userId);
      if (own) own.push(event);
      else byUser.set(event.userId, [event]);
    }
    const total = { accepted: 0, duplicates: 0, tooOld: 0 };
    if (byUser.size === 0) return total;
    const users = Array.from(byUser, ([userId, added]) => ({ key: keys.history(userId), added }));
    const { db } = this.#access;
    await this.#access.write(() => {
      const changed: [key: string[], history: Buffer][] = [];
      for (const { key, added } of users) {
        const { history, result } = placeEvents(decodeHistory(db.get(key)), added, this.#historyCap);
        if (result.accepted > 0) changed.push([key, encodeHistory(history)]);
        total.accepted += result.accepted;
        total.duplicates += result.duplicates;
        total.tooOld += result.tooOld;
      }
      for (const [key, history] of changed) void db.put(key, history);
    });
    return total;
  }
}
