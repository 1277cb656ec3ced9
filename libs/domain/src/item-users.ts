import type { HistoryTable } from './interaction';

/** The users of each item, in compressed sparse row form: item i has users [offsets[i], offsets[i + 1]). */
export interface ItemUsers {
  readonly offsets: Uint32Array;
  /** User rows, in the order of the histories; a user appears once for each event. */
  readonly users: Uint32Array;
}

/** Turns histories around. */
export function usersOfItems({ userCount, itemCount, offsets, itemRows }: HistoryTable): ItemUsers {
  const starts = new Uint32Array(itemCount + 1);
  for (const item of itemRows) starts[item + 1]!++;
  for (let item = 0; item < itemCount; item++) starts[item + 1]! += starts[item]!;
  const next = starts.slice();
  const users = new Uint32Array(itemRows.length);
  for (let user = 0; user < userCount; user++) {
    for (let event = offsets[user]!; event < offsets[user + 1]!; event++) users[next[itemRows[event]!]!++] = user;
  }
  return { offsets: starts, users };
}
