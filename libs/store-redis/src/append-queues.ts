import type { Interaction } from '@mic/domain';
import type { AppendResult } from '@mic/recall';
import { AppendQueue } from './append-queue';
import type { HistoryUpdater } from './history-updates';

/**
 * A queue of appends for each part of the store that can fail by itself: the slots of a cluster are on several masters, and
 * users of one that is gone must not hold up the others.
 */
export class AppendQueues {
  readonly #updater: HistoryUpdater;
  readonly #partOf: (userId: string) => number;
  readonly #queues = new Map<number, AppendQueue>();

  /** @param partOf number of the part that has a user's history. */
  constructor(updater: HistoryUpdater, partOf: (userId: string) => number) {
    this.#updater = updater;
    this.#partOf = partOf;
  }

  /**
   * Places events in the histories of their users.
   *
   * @throws MicError of the first part that failed; events of other parts may be written: a repeated call writes nothing twice.
   */
  async append(events: readonly Interaction[]): Promise<AppendResult> {
    const parts = new Map<number, Map<string, Interaction[]>>();
    for (const event of events) {
      const part = entryOf(parts, this.#partOf(event.userId), () => new Map<string, Interaction[]>());
      entryOf(part, event.userId, () => [] as Interaction[]).push(event);
    }
    const results = await Promise.all(
      Array.from(parts, ([part, byUser]) =>
        entryOf(this.#queues, part, () => new AppendQueue(this.#updater)).append(byUser),
      ),
    );
    const total = { accepted: 0, duplicates: 0, tooOld: 0 };
    for (const { accepted, duplicates, tooOld } of results) {
      total.accepted += accepted;
      total.duplicates += duplicates;
      total.tooOld += tooOld;
    }
    return total;
  }
}

function entryOf<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
