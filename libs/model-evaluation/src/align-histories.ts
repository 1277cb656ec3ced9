import { NO_ROW, type HistoryTable } from '@mic/domain';
import type { Interactions } from '@mic/dataset';
import type { Split } from '@mic/evaluation';

/** Ids by row, as a model knows them. */
export interface KnownIds {
  readonly userIds: readonly string[];
  readonly itemIds: readonly string[];
}

/**
 * A dataset's histories in the rows of a model. Users and items that the model does not know are left out: they enter
 * with the next training. Users of the model without events have an empty history.
 */
export function alignHistories(
  interactions: KnownIds & Pick<Interactions, 'histories'>,
  known: KnownIds,
): HistoryTable {
  const { histories } = interactions;
  if (sameIds(interactions.userIds, known.userIds) && sameIds(interactions.itemIds, known.itemIds)) return histories;
  const sourceUsers = new Map(interactions.userIds.map((id, row) => [id, row]));
  const itemRows = new Map(known.itemIds.map((id, row) => [id, row]));
  const itemOf = Uint32Array.from(interactions.itemIds, (id) => itemRows.get(id) ?? NO_ROW);
  const offsets = new Uint32Array(known.userIds.length + 1);
  const events: number[] = [];
  known.userIds.forEach((id, row) => {
    const source = sourceUsers.get(id);
    if (source !== undefined) {
      for (let event = histories.offsets[source]!; event < histories.offsets[source + 1]!; event++) {
        if (itemOf[histories.itemRows[event]!] !== NO_ROW) events.push(event);
      }
    }
    offsets[row + 1] = events.length;
  });
  return {
    userCount: known.userIds.length,
    itemCount: known.itemIds.length,
    offsets,
    itemRows: Uint32Array.from(events, (event) => itemOf[histories.itemRows[event]!]!),
    timesMs: Float64Array.from(events, (event) => histories.timesMs[event]!),
    weights: Float32Array.from(events, (event) => histories.weights[event]!),
  };
}

/**
 * A split of a dataset in the rows of a model.
 *
 * @returns null where the model lacks a user or an item of the dataset: what is held out of it could not be asked for.
 */
export function alignSplit({ userIds, itemIds, ...split }: Split & KnownIds, known: KnownIds): Split | null {
  if (sameIds(userIds, known.userIds) && sameIds(itemIds, known.itemIds)) return split;
  const userRows = new Map(known.userIds.map((id, row) => [id, row]));
  const itemRows = new Map(known.itemIds.map((id, row) => [id, row]));
  if (!userIds.every((id) => userRows.has(id)) || !itemIds.every((id) => itemRows.has(id))) return null;
  const aligned = (histories: HistoryTable): HistoryTable => alignHistories({ userIds, itemIds, histories }, known);
  return {
    train: aligned(split.train),
    known: aligned(split.known),
    cases: split.cases.map(({ user, relevant, ...rest }) => ({
      ...rest,
      user: userRows.get(userIds[user]!)!,
      relevant: relevant.map((item) => itemRows.get(itemIds[item]!)!),
    })),
  };
}

const sameIds = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((id, row) => id === b[row]);
