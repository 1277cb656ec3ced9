import type { HistoryTable } from '@mic/domain';
import type { Window } from './windows';

/** [P, 1, P]: 1 where the user of the column has the item of the row. */
export function seenPairs(
  { offsets, itemRows }: HistoryTable,
  users: readonly number[],
  items: readonly number[],
): Uint8Array {
  const pairs = users.length;
  const mask = new Uint8Array(pairs * pairs);
  users.forEach((user, column) => {
    const own = new Set(itemRows.subarray(offsets[user], offsets[user + 1]));
    items.forEach((item, row) => {
      if (own.has(item)) mask[row * pairs + column] = 1;
    });
  });
  return mask;
}

/** The users that each item is the target of. @param targets events, perUser for each window; -1: none */
export function usersOfTargets(
  { itemRows }: HistoryTable,
  windows: readonly Window[],
  targets: Int32Array,
  perUser: number,
): Map<number, number[]> {
  const users = new Map<number, number[]>();
  targets.forEach((event, query) => {
    if (event < 0) return;
    const item = itemRows[event]!;
    const { user } = windows[Math.floor(query / perUser)]!;
    const known = users.get(item);
    if (known) known.push(user);
    else users.set(item, [user]);
  });
  return users;
}
