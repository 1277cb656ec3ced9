import { MicError } from '@mic/domain';
import { Items, rankLists, type ChannelList, type ItemCatalog, type LiveItems, type RecallProfile } from '@mic/recall';
import type { Decision } from './decision';

/** A ranking made again. */
export interface Replayed {
  readonly itemIds: readonly string[];
  readonly scores: Float32Array;
}

/** A decision beside what is made of it. */
export interface Replay {
  readonly recorded: Replayed;
  readonly replayed: Replayed;
  /** True where both have the same items in the same order, with the same scores to the bit. */
  readonly isSame: boolean;
  /** Share of the recorded items that are among the replayed ones; 1 where none was recorded. */
  readonly overlap: number;
}

/**
 * Ranks a decision's candidates again.
 *
 * @param catalog of the release that answered.
 * @param profile that ranks; by default the recorded one. What it says of how channels find candidates has no effect, for they are
 *   found already; which channels are on, their quotas and weights, and the rerank have.
 * @throws MicError FAILED_PRECONDITION for a catalogue of another release.
 */
export function replay(
  decision: Decision,
  catalog: ItemCatalog,
  profile: RecallProfile = decision.profile.values,
): Replay {
  if (catalog.releaseId !== decision.releaseId) {
    throw new MicError(
      'FAILED_PRECONDITION',
      `the decision is of release ${decision.releaseId}, not ${catalog.releaseId}`,
    );
  }
  const rowOf = liveRows(decision, catalog);
  const items = new Items(catalog, liveItemsOf(decision));
  const lists = decision.lists
    .filter(({ channel }) => profile.channels[channel].enabled)
    .map((list): ChannelList => {
      const { quota, weight } = profile.channels[list.channel];
      // A recorded list may be longer than its quota: U2I finds as many as are wanted.
      const kept = profile === decision.profile.values ? list.rows.length : Math.max(quota, decision.n);
      return {
        channel: list.channel,
        weight,
        candidates: {
          rows: list.rows.slice(0, kept).map(rowOf),
          scores: list.scores.slice(0, kept),
          similarities: list.similarities.slice(0, kept),
          triggers: list.triggers.slice(0, kept),
          triggerIds: list.triggerIds,
        },
      };
    });
  const { merged, scores, order } = rankLists(lists, items, decision.userVectors, profile, decision.n);
  const replayed = {
    itemIds: Array.from(order, (i) => items.itemId(merged.rows[i]!)),
    scores: Float32Array.from(order, (i) => scores.score[i]!),
  };
  const recorded = {
    itemIds: Array.from(decision.answer.rows, (row) => items.itemId(rowOf(row))),
    scores: decision.answer.scores,
  };
  const found = new Set(replayed.itemIds);
  const size = recorded.itemIds.length;
  return {
    recorded,
    replayed,
    isSame: isSame(recorded, replayed),
    overlap: size === 0 ? 1 : recorded.itemIds.filter((id) => found.has(id)).length / size,
  };
}

/** Rows of a request to those of its replay: the live items that were no candidates are not there. */
function liveRows({ liveItems }: Decision, { itemCount }: ItemCatalog): (row: number) => number {
  const rows = new Map(liveItems.items.map(({ row }, i) => [row, itemCount + i]));
  return (row) => rows.get(row) ?? row;
}

function liveItemsOf({ liveItems: { revision, items, vectors, categories } }: Decision): LiveItems {
  return { revision, newItems: items, vectors, categories: new Map(categories), hiddenIds: [] };
}

function isSame(a: Replayed, b: Replayed): boolean {
  return (
    a.itemIds.length === b.itemIds.length &&
    a.itemIds.every((id, i) => id === b.itemIds[i] && Object.is(a.scores[i], b.scores[i]))
  );
}
