import { HASH_WORDS } from '@mic/domain';
import type { RecallChannel } from '../channel';
import { Evidence } from '../evidence';

/** User to similar users to their most recent items; the age of an item is its place in that user's history. */
export const u2u2i: RecallChannel = {
  name: 'U2U2I',
  needsHistory: false,
  async retrieve({ releaseId, userId, profile, catalog, eligibility }, { store }, options) {
    const { similarUsers, itemsPerUser, quota, ...decay } = profile.channels.U2U2I;
    const found = await store.similarUsersItems({ releaseId, userId, users: similarUsers, itemsPerUser }, options);
    const rows = catalog.rowsOf(found.itemHashes);
    const evidence = new Evidence(decay, rows.length);
    if (rows.length * HASH_WORDS !== found.itemHashes.length) throw new RangeError('item hashes are cut');
    for (let user = 0; user < found.userIds.length; user++) {
      const first = found.offsets[user]!;
      for (let i = first; i < found.offsets[user + 1]!; i++) {
        if (eligibility.has(rows[i]!)) evidence.add(rows[i]!, found.similarities[user]!, i - first, user);
      }
    }
    return evidence.best(quota, found.userIds);
  },
};
