import { HASH_WORDS, MicError } from '@mic/domain';
import { normaliseRows } from '@mic/vectors';
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
import type { CallOptions, SimilarUsersItems, UsersItems, UserVectors } from '../ports';

/** Items of some users, in the order of the users: those of user i are [offsets[i], offsets[i + 1]). */
interface FoundItems {
  readonly offsets: Uint32Array;
  readonly rows: Uint32Array;
}

/** In a profile. */
export const u2u2iSettings = z
  .strictObject({
    ...COMMON_SETTINGS,
    ...EVIDENCE_SETTINGS,
    /** Similar users (M1). */
    similarUsers: count(MOST_TRIGGERS).default(20),
    /** Items of each (M2). */
    itemsPerUser: count(MOST_PER_TRIGGER).default(10),
    /** Where similar users come from: the release's lists, a search with the user's vector, or that for users without a list. */
    usersBy: z.enum(['lists', 'search', 'lists-or-search']).default('lists-or-search'),
    /** Which items of a similar user: the most recent ones, or those nearest to that user's vector. */
    itemsBy: z.enum(['history', 'search']).default('history'),
    ef: EF_SETTING,
  })
  .prefault({});

/**
 * User to similar users to their items; the age of an item is its place in that user's list. Similar users stand in the release's
 * lists, or are searched for with the user's vector; their items are their most recent ones, or the nearest to their vectors,
 * all in one call.
 */
export const u2u2i: RecallChannel = {
  name: 'U2U2I',
  needsHistory: false,
  asksNobody: false,
  counts: twoHopCounts('similarUsers', 'itemsPerUser'),
  isFallback: () => false,
  async retrieve(input, ports, options) {
    const { profile, eligibility, explain } = input;
    const { quota, temperature, ageDecay } = profile.channels.U2U2I;
    const users = await similarUsers(input, ports, options);
    if (users.userIds.length === 0) return NO_CANDIDATES;
    const { offsets, rows } = await itemsOf(users, input, ports, options);
    const evidence = new Evidence({ temperature, ageDecay, explain }, rows.length);
    for (let user = 0; user < users.userIds.length; user++) {
      const first = offsets[user]!;
      for (let i = first; i < offsets[user + 1]!; i++) {
        if (eligibility.has(rows[i]!)) evidence.add(rows[i]!, users.similarities[user]!, i - first, user);
      }
    }
    return evidence.best(quota, users.userIds);
  },
  because: ({ trigger, others }) =>
    `user ${trigger}, who is like this one, met it lately${others > 0 ? `, and ${others} more such users` : ''}`,
};

/** Similar users with their recent items (without, where those are not wanted). */
async function similarUsers(
  input: ChannelInput,
  ports: ChannelPorts,
  options: CallOptions,
): Promise<SimilarUsersItems> {
  const { releaseId, userId, userKnown, profile, effort } = input;
  const { similarUsers: most, itemsPerUser, usersBy, itemsBy } = profile.channels.U2U2I;
  const users = effort.of('similar users', most);
  const wanted = { releaseId, itemsPerUser: itemsBy === 'history' ? itemsPerUser : 0 };
  const mayList = usersBy === 'lists' || (usersBy === 'lists-or-search' && userKnown !== false);
  if (mayList) {
    const listed = await ports.store.similarUsersItems({ ...wanted, userId, users }, options);
    if (listed.userIds.length > 0 || usersBy === 'lists' || userKnown === null) return listed;
  }
  const near = await nearUsers(input, ports, users, options);
  const found = await ports.store.usersItems({ ...wanted, userRows: near.rows }, options);
  return withSimilarities(found, near, userId);
}

/** Users by vector; none where nobody can search them and the lists would have done. */
async function nearUsers(
  { releaseId, profile, userVectors, effort, userIndexEf, note }: ChannelInput,
  { userIndex }: ChannelPorts,
  users: number,
  options: CallOptions,
): Promise<{ readonly rows: Uint32Array; readonly scores: Float32Array }> {
  const { usersBy, ef = userIndexEf } = profile.channels.U2U2I;
  const vectors = meanOf(await userVectors());
  // One more: the user may be among them.
  const k = users + 1;
  const width = ef === undefined ? undefined : effort.of('ef', ef, Math.min(ef, k));
  try {
    return await userIndex.searchUsers({ releaseId, count: 1, vectors, k, ef: width }, options);
  } catch (error) {
    if (usersBy === 'search' || !(error instanceof MicError) || error.code !== 'NOT_FOUND') throw error;
    note(`the release has no list for this user, and similar ones cannot be searched for: ${error.message}`);
    return { rows: new Uint32Array(0), scores: new Float32Array(0) };
  }
}

/** The normalised mean, as the user index has it. */
function meanOf({ count, vectors }: UserVectors): Float32Array {
  if (count === 1) return vectors;
  const dimension = vectors.length / count;
  const mean = new Float32Array(dimension);
  for (let i = 0; i < vectors.length; i++) mean[i % dimension]! += vectors[i]!;
  return normaliseRows(mean, dimension);
}

/** The users found, without the one who asks, and how similar each is. */
function withSimilarities(
  { userIds, userRows, offsets, itemHashes, timesMs }: UsersItems,
  near: { readonly rows: Uint32Array; readonly scores: Float32Array },
  self: string,
): SimilarUsersItems {
  const similarityOf = new Map(Array.from(near.rows, (row, i) => [row, near.scores[i]!]));
  const others = userIds.flatMap((userId, i) => (userId === self ? [] : [i]));
  const ends = [0];
  const events: number[] = [];
  for (const user of others) {
    for (let i = offsets[user]!; i < offsets[user + 1]!; i++) events.push(i);
    ends.push(events.length);
  }
  const hashes = new Uint32Array(events.length * HASH_WORDS);
  events.forEach((event, i) => {
    hashes.set(itemHashes.subarray(event * HASH_WORDS, (event + 1) * HASH_WORDS), i * HASH_WORDS);
  });
  return {
    userIds: others.map((user) => userIds[user]!),
    userRows: Uint32Array.from(others, (user) => userRows[user]!),
    similarities: Float32Array.from(others, (user) => similarityOf.get(userRows[user]!)!),
    offsets: Uint32Array.from(ends),
    itemHashes: hashes,
    timesMs: Float64Array.from(events, (event) => timesMs[event]!),
  };
}

async function itemsOf(
  users: SimilarUsersItems,
  { releaseId, profile, items, effort, indexEf }: ChannelInput,
  { userIndex }: ChannelPorts,
  options: CallOptions,
): Promise<FoundItems> {
  const { itemsPerUser: k, itemsBy, ef = indexEf } = profile.channels.U2U2I;
  if (itemsBy === 'search') {
    const width = ef === undefined ? undefined : effort.of('ef', ef, Math.min(ef, k));
    return userIndex.searchByUsers({ releaseId, userRows: users.userRows, k, ef: width }, options);
  }
  const rows = items.rowsOf(users.itemHashes);
  if (rows.length * HASH_WORDS !== users.itemHashes.length) throw new RangeError('item hashes are cut');
  return { offsets: users.offsets, rows };
}
