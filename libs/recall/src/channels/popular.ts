import { topCandidates } from '@mic/rerank';
import { z } from 'zod';
import { bestEligible } from '../best-eligible';
import { NO_CANDIDATES, type ChannelInput, type RecallChannel } from '../channel';
import { COMMON_SETTINGS, count } from '../channel-settings';

const MOST_CATEGORIES = 100;

/** In a profile. */
export const popularSettings = z
  .strictObject({
    ...COMMON_SETTINGS,
    /** short: only where the other channels find fewer items than are wanted. */
    when: z.enum(['short', 'always']).default('short'),
    /** Favourite categories of the user. */
    categories: count(MOST_CATEGORIES).default(3),
    /** Factor by which an event's say in them falls with each place of age. */
    ageDecay: z.number().min(0).max(1).default(0.95),
  })
  .prefault({});

/**
 * Popular items of the user's favourite categories, then popular items of all (ours): what is answered with where the other
 * channels find too few, are late or fail. It calls nobody.
 *
 * An item of a favourite category has as score the category's share of the user's history (recent events count more) times its
 * popularity as a share of the most popular one's, above 0; any other its popularity likewise, less 1: never above those.
 */
export const popular: RecallChannel = {
  name: 'POPULAR',
  needsHistory: false,
  asksNobody: true,
  counts: { triggers: { setting: 'categories', most: MOST_CATEGORIES } },
  isFallback: (profile) => profile.channels.POPULAR.when === 'short',
  async retrieve(input, _ports, options) {
    const { n, profile, items, eligibility } = input;
    const wanted = input.fillsUp ? n : profile.channels.POPULAR.quota;
    if (eligibility.count === 0) return NO_CANDIDATES;
    const shares = favourites(input);
    const scores = new Map<number, number>();
    for (const [category, share] of shares) {
      // The release's list: an item of it may have another category by now.
      const rows = items.catalog.popular(category);
      const most = Math.max(1, items.popularity(rows[0] ?? 0));
      for (const row of rows) {
        if (items.categoryOf(row) !== category || !eligibility.has(row)) continue;
        scores.set(row, (share * (1 + items.popularity(row))) / (1 + most));
      }
    }
    const all = items.catalog.popular(0);
    const most = Math.max(1, items.popularity(all[0] ?? 0));
    const elsewhere = (row: number): number => items.popularity(row) / (1 + most) - 1;
    for (const row of all) if (!scores.has(row) && eligibility.has(row)) scores.set(row, elsewhere(row));
    if (scores.size < Math.min(wanted, eligibility.count)) {
      // Beyond the release's lists: every eligible item is looked at.
      const rest = await bestEligible(eligibility, (row) => scores.get(row) ?? elsewhere(row), wanted, options);
      rest.rows.forEach((row, i) => scores.set(row, rest.scores[i]!));
    }
    const rows = Uint32Array.from(scores.keys());
    const score = Float32Array.from(scores.values());
    const kept = topCandidates(score, rows, wanted);
    const names = [...shares.keys()].map((category) => items.categoryName(category));
    const places = new Map([...shares.keys()].map((category, i) => [category, i]));
    return {
      rows: kept.map((i) => rows[i]!),
      scores: Float32Array.from(kept, (i) => score[i]!),
      // Below what a model says of anything that it would recommend.
      similarities: Float32Array.from(kept, (i) => (score[i]! - 1) / 2),
      triggers: kept.map((i) => (score[i]! > 0 ? places.get(items.categoryOf(rows[i]!))! : names.length)),
      triggerIds: [...names, ''],
    };
  },
  because: ({ trigger }) => (trigger === '' ? 'it is popular' : `it is popular in "${trigger}", which the user likes`),
};

/** The user's favourite categories, best first, with their share of the history. */
function favourites({ profile, items, historyRows, effort }: ChannelInput): ReadonlyMap<number, number> {
  const { categories, ageDecay } = profile.channels.POPULAR;
  const weights = new Map<number, number>();
  let sum = 0;
  historyRows.forEach((row, age) => {
    const weight = ageDecay ** age;
    sum += weight;
    const category = items.categoryOf(row);
    if (category !== 0) weights.set(category, (weights.get(category) ?? 0) + weight);
  });
  const best = [...weights].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, effort.of('categories', categories));
  return new Map(best.map(([category, weight]) => [category, weight / sum]));
}
