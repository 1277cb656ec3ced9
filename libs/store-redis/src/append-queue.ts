import type { Interaction } from '@mic/domain';
import type { AppendResult } from '@mic/recall';
import { decodeHistory, encodeHistory, placeEvents } from '@mic/store-records';
import type { HistoryUpdate, HistoryUpdater } from './history-updates';

/** One caller's events, and what became of them so far. */
interface Append {
  readonly byUser: ReadonlyMap<string, readonly Interaction[]>;
  readonly total: { accepted: number; duplicates: number; tooOld: number };
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: unknown) => void;
}

/** The events of one user, of all callers of a batch, in the order of the calls. */
interface UserAppends {
  readonly userId: string;
  readonly adds: { readonly append: Append; readonly events: readonly Interaction[] }[];
}

/**
 * Appends to histories. Calls that come while one is under way are put together, so that callers of this process never
 * compete with each other.
 */
export class AppendQueue {
  readonly #updater: HistoryUpdater;
  #waiting: Append[] = [];
  #running = false;

  constructor(updater: HistoryUpdater) {
    this.#updater = updater;
  }

  append(byUser: ReadonlyMap<string, readonly Interaction[]>): Promise<AppendResult> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ byUser, total: { accepted: 0, duplicates: 0, tooOld: 0 }, resolve, reject });
      if (!this.#running) void this.#runAll();
    });
  }

  async #runAll(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#write(byUser(batch));
        for (const { total, resolve } of batch) resolve(total);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#running = false;
  }

  async #write(users: readonly UserAppends[]): Promise<void> {
    const results = new Map<UserAppends, AppendResult[]>();
    const updates = users.map((user): HistoryUpdate => ({
      userId: user.userId,
      change: (stored, bounds) => {
        let history = decodeHistory(stored, bounds.cap, bounds.oldestMs);
        const placed = user.adds.map(({ events }) => {
          const next = placeEvents(history, events, bounds);
          history = next.history;
          return next.result;
        });
        results.set(user, placed);
        if (placed.every(({ accepted }) => accepted === 0)) return null;
        return { record: encodeHistory(history), newestMs: history.timesMs[0]! };
      },
    }));
    await this.#updater.update(updates);
    for (const [{ adds }, placed] of results) {
      adds.forEach(({ append: { total } }, i) => {
        total.accepted += placed[i]!.accepted;
        total.duplicates += placed[i]!.duplicates;
        total.tooOld += placed[i]!.tooOld;
      });
    }
  }
}

function byUser(batch: readonly Append[]): UserAppends[] {
  const users = new Map<string, UserAppends>();
  for (const append of batch) {
    for (const [userId, events] of append.byUser) {
      const user = users.get(userId) ?? { userId, adds: [] };
      user.adds.push({ append, events });
      users.set(userId, user);
    }
  }
  return [...users.values()];
}
