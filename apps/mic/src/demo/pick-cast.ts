import type { Dataset } from '@mic/dataset';

/** A user to show, with what the user did last. */
export interface DemoUser {
  readonly userId: string;
  /** Newest first. */
  readonly recent: readonly { readonly itemId: string; readonly title: string; readonly category: string }[];
}

const RECENT = 5;

/** What a demo shows of a dataset. */
export interface DemoCast {
  readonly users: readonly DemoUser[];
  /** Title of an item, '' where it has none. */
  readonly titleOf: (itemId: string) => string;
}

/** Users of typical activity: those around the median number of events, the most active of them first in row order. */
export async function pickDemoCast(dataset: Dataset, count: number): Promise<DemoCast> {
  const { userIds, itemIds, histories } = await dataset.loadInteractions();
  const { names, categories } = await dataset.loadItemCategories(await dataset.buildFeatureSchema(), itemIds);
  const titles = await dataset.loadItemTitles(itemIds);
  const { offsets, itemRows } = histories;
  const length = (user: number): number => offsets[user + 1]! - offsets[user]!;
  const byActivity = userIds.map((_, user) => user).sort((a, b) => length(b) - length(a) || a - b);
  const middle = Math.max(0, Math.floor(byActivity.length / 2) - count);
  const users = byActivity.slice(middle, middle + count).map((user) => {
    const newest = Array.from(itemRows.subarray(offsets[user], offsets[user + 1]))
      .reverse()
      .slice(0, RECENT);
    const recent = newest.map((row) => ({
      itemId: itemIds[row]!,
      title: titles[row]!,
      category: names[categories[row]!] ?? '',
    }));
    return { userId: userIds[user]!, recent };
  });
  const titleById = new Map(itemIds.map((id, row) => [id, titles[row]!]));
  return { users, titleOf: (itemId) => titleById.get(itemId) ?? '' };
}
