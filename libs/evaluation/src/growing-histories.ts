import type { HistoryTable } from '@mic/domain';
import type { HistoryOf, TestCase } from './test-case';

/** Histories of which only a part is known yet, and that grow as events happen. */
export class GrowingHistories {
  readonly table: HistoryTable;
  readonly #ends: Uint32Array;

  /** @param ends index of the first event of each user that is not known yet; by default all are known. */
  constructor(table: HistoryTable, ends: Uint32Array = table.offsets.slice(1)) {
    this.table = table;
    this.#ends = ends.slice();
  }

  /** Index behind the newest known event of a user. */
  end(user: number): number {
    return this.#ends[user]!;
  }

  /** Known items of a user, oldest first. */
  readonly itemsOf: HistoryOf = (user) => this.table.itemRows.subarray(this.table.offsets[user], this.#ends[user]);

  /** The user's next event happens. */
  advance(user: number): void {
    this.#ends[user]!++;
  }
}

/**
 * Plays the events that are not known yet in the order of their times, and asks for each of a sample, just before it
 * happens, with everything before it known: what a store with live histories sees.
 *
 * @param wanted indices of the events that are asked for.
 */
export function* liveCases(histories: GrowingHistories, wanted: ReadonlySet<number>): Generator<TestCase> {
  const { events, users } = eventsToCome(histories);
  for (const event of events) {
    const user = users.get(event)!;
    if (wanted.has(event)) yield { user, relevant: histories.table.itemRows.slice(event, event + 1) };
    histories.advance(user);
  }
}

/** Events that are not known yet, by time, those of one user in their order; and the user of each. */
export function eventsToCome(histories: GrowingHistories): { events: Uint32Array; users: ReadonlyMap<number, number> } {
  const { userCount, offsets, timesMs } = histories.table;
  const users = new Map<number, number>();
  for (let user = 0; user < userCount; user++) {
    for (let event = histories.end(user); event < offsets[user + 1]!; event++) users.set(event, user);
  }
  const events = Uint32Array.from(users.keys()).sort((a, b) => timesMs[a]! - timesMs[b]! || a - b);
  return { events, users };
}
