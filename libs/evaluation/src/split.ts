import { NO_ROW, type HistoryTable } from '@mic/domain';

/** Histories with one event of some users taken out. */
export interface HeldOut {
  readonly train: HistoryTable;
  /** By user row: the item row of the user's held-out event, NO_ROW where none was taken. */
  readonly test: Uint32Array;
}

/**
 * Holds out the last event of each user with at least two (of all users, or of those that are named): the others keep
 * theirs. Applied again to `train`, with a sample of users, it holds out their last but one event: the validation event.
 * Histories are ordered, ties in file order, so that the last event is the last one of the table.
 */
export function leaveOneOut(histories: HistoryTable, users?: Uint32Array): HeldOut {
  const { userCount, offsets } = histories;
  const chosen = new Uint8Array(userCount).fill(users ? 0 : 1);
  for (const user of users ?? []) chosen[user] = 1;
  const test = new Uint32Array(userCount).fill(NO_ROW);
  const keep = new Uint8Array(histories.itemRows.length).fill(1);
  const starts = new Uint32Array(userCount + 1);
  for (let user = 0; user < userCount; user++) {
    const length = offsets[user + 1]! - offsets[user]!;
    const taken = chosen[user] === 1 && length >= 2;
    if (taken) {
      const last = offsets[user + 1]! - 1;
      test[user] = histories.itemRows[last]!;
      keep[last] = 0;
    }
    starts[user + 1] = starts[user]! + length - Number(taken);
  }
  const kept = (_: number, event: number): boolean => keep[event] === 1;
  const train: HistoryTable = {
    userCount,
    itemCount: histories.itemCount,
    offsets: starts,
    itemRows: histories.itemRows.filter(kept),
    timesMs: histories.timesMs.filter(kept),
    weights: histories.weights.filter(kept),
  };
  return { train, test };
}
