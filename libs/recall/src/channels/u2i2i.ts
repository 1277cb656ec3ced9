import { NO_ROW, type ScoredLists } from '@mic/domain';
import { z } from 'zod';
import { NO_CANDIDATES, type ChannelInput, type ChannelPorts, type RecallChannel } from '../channel';
import {
  COMMON_SETTINGS,
  count,
  EF_SETTING,
  EVIDENCE_SETTINGS,
  MOST_PER_TRIGGER,
  MOST_TRIGGERS,
  twoHopCounts,
} from '../channel-settings';
import { Evidence } from '../evidence';
import type { CallOptions } from '../ports';
import { searchItems } from '../search-items';

/** In a profile. */
export const u2i2iSettings = z
  .strictObject({
    ...COMMON_SETTINGS,
    ...EVIDENCE_SETTINGS,
    /** Most recent items of the user (M). */
    triggers: count(MOST_TRIGGERS).default(10),
    /** Similar items of each (M3). */
    similarItems: count(MOST_PER_TRIGGER).default(20),
    /** Where similar items come from: the release's lists, or a search with the items' vectors. */
    itemsBy: z.enum(['lists', 'search']).default('lists'),
    ef: EF_SETTING,
  })
  .prefault({});

/**
 * User to most recent items to items similar to them; the age of a trigger is its place among the recent items. What is similar
 * to an item stands in the release's lists, or is searched for with the items' vectors, all in one call.
 */
export const u2i2i: RecallChannel = {
  name: 'U2I2I',
  needsHistory: true,
  asksNobody: false,
  counts: twoHopCounts('triggers', 'similarItems'),
  isFallback: () => false,
  async retrieve(input, ports, options) {
    const { profile, items, eligibility, historyRows, effort, explain } = input;
    const { triggers, quota, temperature, ageDecay } = profile.channels.U2I2I;
    const recent = Uint32Array.from(new Set(historyRows)).slice(0, effort.of('triggers', triggers));
    if (recent.length === 0) return NO_CANDIDATES;
    const lists = await similarItems(recent, input, ports, options);
    const evidence = new Evidence({ temperature, ageDecay, explain }, lists.rows.length);
    for (let age = 0; age < recent.length; age++) {
      for (let i = lists.offsets[age]!; i < lists.offsets[age + 1]!; i++) {
        if (eligibility.has(lists.rows[i]!)) evidence.add(lists.rows[i]!, lists.scores[i]!, age, age);
      }
    }
    return evidence.best(
      quota,
      Array.from(recent, (row) => items.itemId(row)),
    );
  },
  because: ({ trigger, others }) =>
    `it is similar to ${trigger}, which the user met lately${others > 0 ? `, and to ${others} more such items` : ''}`,
};

/** The items most similar to each of some: list i to item i. */
async function similarItems(
  recent: Uint32Array,
  { releaseId, profile, items, effort, indexEf }: ChannelInput,
  { store, index }: ChannelPorts,
  options: CallOptions,
): Promise<ScoredLists> {
  const { similarItems: limit, itemsBy, ef = indexEf } = profile.channels.U2I2I;
  const search = async (rows: Uint32Array): Promise<ScoredLists> => {
    const request = {
      releaseId,
      count: rows.length,
      vectors: items.vectorsOf(rows),
      k: limit + 1,
      ef: ef === undefined ? undefined : effort.of('ef', ef, Math.min(ef, limit + 1)),
    };
    return withoutSelf(await searchItems(index, items, request, options), rows);
  };
  const isListed = (row: number): boolean => row < items.releaseCount;
  if (itemsBy === 'search' || !recent.some(isListed)) return search(recent);
  if (recent.every(isListed)) return store.similarItems({ releaseId, itemRows: recent, limit }, options);
  // Live items stand in no list.
  const [listed, searched] = await Promise.all([
    store.similarItems({ releaseId, itemRows: recent.filter(isListed), limit }, options),
    search(recent.filter((row) => !isListed(row))),
  ]);
  return interleaved(Array.from(recent, isListed), listed, searched);
}

/** The lists without the items that were searched with, which are nearest to themselves. */
function withoutSelf({ offsets, rows, scores }: ScoredLists, selves: Uint32Array): ScoredLists {
  const left = rows.slice();
  selves.forEach((self, list) => {
    for (let i = offsets[list]!; i < offsets[list + 1]!; i++) if (rows[i] === self) left[i] = NO_ROW;
  });
  return { offsets, rows: left, scores };
}

/** Lists of two sources in the order of the items; true says that an item's list is the next one of the first source. */
function interleaved(isOfFirst: readonly boolean[], first: ScoredLists, second: ScoredLists): ScoredLists {
  const rows: number[] = [];
  const scores: number[] = [];
  const offsets = [0];
  const next = { first: 0, second: 0 };
  for (const ofFirst of isOfFirst) {
    const source = ofFirst ? first : second;
    const list = ofFirst ? next.first++ : next.second++;
    for (let i = source.offsets[list]!; i < source.offsets[list + 1]!; i++) {
      rows.push(source.rows[i]!);
      scores.push(source.scores[i]!);
    }
    offsets.push(rows.length);
  }
  return { offsets: Uint32Array.from(offsets), rows: Uint32Array.from(rows), scores: Float32Array.from(scores) };
}
