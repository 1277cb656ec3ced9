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

/**
 * Items whose user lists must not have a part's users: the targets (events, -1: none), and where a user's other items are
 * negatives, these too.
 */
export function ownItems(
  { offsets, itemRows }: HistoryTable,
  windows: readonly Window[],
  targets: Int32Array,
  othersAreNegatives: boolean,
): Set<number> {
  const own = new Set<number>();
  for (const event of targets) if (event >= 0) own.add(itemRows[event]!);
  if (!othersAreNegatives) return own;
  for (const { user } of windows) {
    for (let event = offsets[user]!; event < offsets[user + 1]!; event++) own.add(itemRows[event]!);
  }
  return own;
}
