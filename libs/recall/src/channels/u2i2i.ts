import { NO_CANDIDATES, type RecallChannel } from '../channel';
import { Evidence } from '../evidence';

/** User to most recent items to items similar to them; the age of a trigger is its place among the recent items. */
export const u2i2i: RecallChannel = {
  name: 'U2I2I',
  needsHistory: true,
  async retrieve({ releaseId, profile, catalog, eligibility, historyRows }, { store }, options) {
    const { triggers, similarItems, quota, ...decay } = profile.channels.U2I2I;
    const recent = Uint32Array.from(new Set(historyRows)).slice(0, triggers);
    if (recent.length === 0) return NO_CANDIDATES;
    const lists = await store.similarItems({ releaseId, itemRows: recent, limit: similarItems }, options);
    const evidence = new Evidence(decay, lists.rows.length);
    for (let age = 0; age < recent.length; age++) {
      for (let i = lists.offsets[age]!; i < lists.offsets[age + 1]!; i++) {
        if (eligibility.has(lists.rows[i]!)) evidence.add(lists.rows[i]!, lists.scores[i]!, age, age);
      }
    }
    return evidence.best(
      quota,
      Array.from(recent, (row) => catalog.itemId(row)),
    );
  },
};
