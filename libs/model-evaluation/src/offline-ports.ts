import { hashIds, HASH_WORDS, HashRows, MicError, type ReleaseId, type ScoredLists } from '@mic/domain';
import type { GrowingHistories } from '@mic/evaluation';
import type {
  ItemCatalog,
  ItemIndex,
  NeighborReader,
  PackedHistory,
  RecallPorts,
  UserIndex,
  UsersItems,
} from '@mic/recall';
import type { EncodedWorld } from './encoded-world';

/** What the offline catalogue needs beside the world. */
export interface ItemFacts {
  readonly itemIds: readonly string[];
  readonly categories: Uint32Array;
  readonly categoryNames: readonly string[];
  readonly popularity: Float32Array;
}

/** The items of a world as the recall path reads them. */
export function offlineCatalog(releaseId: ReleaseId, world: EncodedWorld, facts: ItemFacts): ItemCatalog {
  const rows = new HashRows(hashIds(facts.itemIds));
  return {
    releaseId,
    itemCount: facts.itemIds.length,
    dimension: world.dimension,
    vectors: world.itemVectors,
    categories: facts.categories,
    categoryNames: facts.categoryNames,
    popularity: facts.popularity,
    // The fallback by popularity is off: what is measured is what the model finds.
    popular: () => new Uint32Array(0),
    itemId: (row) => facts.itemIds[row]!,
    rowsOf: (hashes) => rows.rowsOf(hashes),
  };
}

/** Gives the vectors of a user row, vectorsPerUser x dimension. */
export type EmbedUser = (user: number) => Promise<Float32Array>;

/** The vectors that a world has for its users. */
export function encodedVectors({ userVectors, vectorsPerUser, dimension }: EncodedWorld): EmbedUser {
  const width = vectorsPerUser * dimension;
  return (user) => Promise.resolve(userVectors.subarray(user * width, (user + 1) * width));
}

/**
 * The ports of the recall path over a world in memory, with which the very code that serves is evaluated. User ids are
 * row numbers; `embed` gets the row as the first number of the id embedding.
 */
export function offlinePorts(
  world: EncodedWorld,
  histories: GrowingHistories,
  itemIds: readonly string[],
  index: ItemIndex,
  embed: EmbedUser = encodedVectors(world),
): RecallPorts {
  return {
    embedder: {
      embed: async (_releaseId, { userRow }) => ({
        count: world.vectorsPerUser,
        vectors: await embed(userRow![0]!),
      }),
    },
    index,
    userIndex: NO_USER_INDEX,
    store: offlineStore(world, histories, hashIds(itemIds)),
  };
}

const notThere = (): Promise<never> =>
  Promise.reject(new MicError('NOT_FOUND', 'a world in memory has lists of similar users, and no index of users'));
const NO_USER_INDEX: UserIndex = { searchUsers: notThere, searchByUsers: notThere };

function offlineStore({ u2u, i2i }: EncodedWorld, histories: GrowingHistories, hashes: Uint32Array): NeighborReader {
  const { offsets: starts, itemRows, timesMs, weights } = histories.table;
  const newest = (user: number, limit: number): PackedHistory => {
    const end = histories.end(user);
    const count = Math.min(limit, end - starts[user]!);
    const events = Array.from({ length: count }, (_, age) => end - 1 - age);
    const itemHashes = new Uint32Array(count * HASH_WORDS);
    events.forEach((event, i) => {
      const at = itemRows[event]! * HASH_WORDS;
      itemHashes.set(hashes.subarray(at, at + HASH_WORDS), i * HASH_WORDS);
    });
    return {
      itemHashes,
      timesMs: Float64Array.from(events, (event) => timesMs[event]!),
      weights: Float32Array.from(events, (event) => weights[event]!),
    };
  };
  const itemsOf = (userRows: Uint32Array, itemsPerUser: number): UsersItems => {
    const found = Array.from(userRows, (row) => newest(row, itemsPerUser));
    const offsets = new Uint32Array(found.length + 1);
    found.forEach((history, i) => (offsets[i + 1] = offsets[i]! + history.timesMs.length));
    const itemHashes = new Uint32Array(offsets.at(-1)! * HASH_WORDS);
    found.forEach((history, i) => {
      itemHashes.set(history.itemHashes, offsets[i]! * HASH_WORDS);
    });
    const userIds = Array.from(userRows, String);
    return { userIds, userRows, offsets, itemHashes, timesMs: new Float64Array(offsets.at(-1)!) };
  };
  return {
    userContext: ({ userId, historyLimit }) => {
      const row = Number(userId);
      const history = newest(row, historyLimit);
      return Promise.resolve({ userKnown: true, userRow: Float32Array.of(row), profile: null, history });
    },
    similarUsersItems: ({ userId, users, itemsPerUser }) => {
      const { rows, scores } = listOf(u2u, Number(userId), users);
      return Promise.resolve({ ...itemsOf(rows, itemsPerUser), similarities: scores });
    },
    usersItems: ({ userRows, itemsPerUser }) => Promise.resolve(itemsOf(userRows, itemsPerUser)),
    similarItems: ({ itemRows: asked, limit }) => {
      const lists = Array.from(asked, (row) => listOf(i2i, row, limit));
      const offsets = new Uint32Array(lists.length + 1);
      lists.forEach(({ rows }, i) => (offsets[i + 1] = offsets[i]! + rows.length));
      return Promise.resolve({
        offsets,
        rows: Uint32Array.from(lists.flatMap(({ rows }) => [...rows])),
        scores: Float32Array.from(lists.flatMap(({ scores }) => [...scores])),
      });
    },
  };
}

function listOf(
  { offsets, rows, scores }: ScoredLists,
  row: number,
  limit: number,
): Pick<ScoredLists, 'rows' | 'scores'> {
  const from = offsets[row]!;
  const to = Math.min(from + limit, offsets[row + 1]!);
  return { rows: rows.subarray(from, to), scores: scores.subarray(from, to) };
}
