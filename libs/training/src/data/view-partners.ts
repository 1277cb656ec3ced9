import { usersOfItems, type HistoryTable, type ItemUsers, type Random } from '@mic/domain';
import type { TrainingConfig } from '../config/training-config';
import type { Window } from './windows';

/**
 * Whose second view agrees with each (user, item) pair of a step. `view`: the user's and the item's own (MIC, CIKM 2022).
 * `same-target`: another user's, as of the moment before the same item (DuoRec, Qiu et al., WSDM 2022). `previous`: that
 * of the item before it in the user's history (ours). A pair without such a partner has its own.
 */
export class ViewPartners {
  readonly #histories: HistoryTable;
  readonly #mic: TrainingConfig['mic'];
  readonly #itemUsers: ItemUsers | null;

  constructor(histories: HistoryTable, mic: TrainingConfig['mic']) {
    this.#histories = histories;
    this.#mic = mic;
    this.#itemUsers = mic.enabled && mic.userUser.positives === 'same-target' ? usersOfItems(histories) : null;
  }

  /** Users, each with the event that the view stands before. @param pairs windows of one target. */
  users(pairs: readonly Window[], random: Random): Window[] {
    if (!this.#itemUsers) return [...pairs];
    const { itemRows, offsets } = this.#histories;
    const { offsets: lists, users } = this.#itemUsers;
    return pairs.map(({ from: target }) => {
      const item = itemRows[target]!;
      const user = users[lists[item]! + random.below(lists[item + 1]! - lists[item]!)]!;
      const from = itemRows.indexOf(item, offsets[user]);
      return { user, from, to: from + 1 };
    });
  }

  /** Item rows. @param pairs windows of one target. */
  items(pairs: readonly Window[]): number[] {
    const { itemRows, offsets } = this.#histories;
    const previous = this.#mic.itemItem.positives === 'previous';
    return pairs.map(({ user, from }) => itemRows[previous && from > offsets[user]! ? from - 1 : from]!);
  }
}

/**
 * [2 P, 2 P] for P things and the views of their partners: 1 where a column is the row's own thing or its partner's, which
 * is no negative of it.
 */
export function barSame(things: readonly number[], partners: readonly number[]): Uint8Array {
  const all = [...things, ...partners];
  const size = all.length;
  const columnsOf = new Map<number, number[]>();
  all.forEach((thing, column) => {
    const columns = columnsOf.get(thing);
    if (columns) columns.push(column);
    else columnsOf.set(thing, [column]);
  });
  const barred = new Uint8Array(size * size);
  [...partners, ...things].forEach((partner, row) => {
    for (const thing of [all[row]!, partner]) {
      for (const column of columnsOf.get(thing)!) barred[row * size + column] = 1;
    }
  });
  return barred;
}
