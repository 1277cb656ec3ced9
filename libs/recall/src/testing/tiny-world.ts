import { HashRows, hashIds, MicError, parseReleaseId, type ReleaseId, type ScoredLists } from '@mic/domain';
import { exactTopK } from '@mic/vectors';
import { DEFAULT_PROFILES, profileSchema, type Profiles } from '../profile';
import type { RecallPorts } from '../engine';
import type { ItemCatalog, PackedHistory, UsersItems } from '../ports';

/**
 * A world that can be worked by hand: six items on the half circle, a user at (1, 0) who saw a, and d before it, and two
 * similar users.
 */
export const RELEASE: ReleaseId = parseReleaseId('r1');
export const ITEMS = ['a', 'b', 'c', 'd', 'e', 'f'];
const VECTORS = Float32Array.of(1, 0, 0.8, 0.6, 0.6, 0.8, 0, 1, -0.6, 0.8, -1, 0);
const rowOf = (item: string): number => ITEMS.indexOf(item);

export const history = (...items: string[]): PackedHistory => ({
  itemHashes: hashIds(items),
  timesMs: Float64Array.from(items, (_, age) => 1000 - age),
  weights: new Float32Array(items.length).fill(1),
});

export function tinyCatalog(): ItemCatalog {
  const hashes = new HashRows(hashIds(ITEMS));
  return {
    releaseId: RELEASE,
    itemCount: ITEMS.length,
    dimension: 2,
    vectors: VECTORS,
    categories: Uint32Array.of(1, 1, 2, 2, 3, 0),
    categoryNames: ['', 'one', 'two', 'three'],
    popularity: Float32Array.of(6, 5, 4, 3, 2, 1),
    popular: (category) => POPULAR[category] ?? new Uint32Array(0),
    itemId: (row) => ITEMS[row]!,
    rowsOf: (itemHashes) => hashes.rowsOf(itemHashes),
  };
}

/** By category: all, one, two, three. */
const POPULAR = [[0, 1, 2, 3, 4, 5], [0, 1], [2, 3], [4]].map((rows) => Uint32Array.from(rows));

/** Similar to u, whose row is 0. */
const SIMILAR_USERS = [
  { userId: 'v', row: 1, similarity: 0.9, items: ['c', 'a'] },
  { userId: 'w', row: 2, similarity: 0.5, items: ['e', 'c', 'unknown to the release'] },
];
const USERS = [{ userId: 'u', row: 0, items: ['a', 'd'] }, ...SIMILAR_USERS];
/** Of u, v and w. */
const USER_VECTORS = Float32Array.of(1, 0, 0.6, 0.8, 0, 1);
const SIMILAR_ITEMS: Record<string, [string, number][]> = {
  a: [
    ['b', 0.8],
    ['c', 0.6],
  ],
  d: [
    ['c', 0.8],
    ['e', 0.8],
  ],
};

/** Ports over the tiny world; user `u` is known, everyone else is not. */
export function tinyPorts(): RecallPorts {
  return {
    embedder: { embed: () => Promise.resolve({ count: 1, vectors: Float32Array.of(1, 0) }) },
    index: {
      search: ({ vectors, count, k }) =>
        Promise.resolve(
          exactTopK({ queries: vectors, queryCount: count, matrix: VECTORS, rowCount: 6, dimension: 2, k }),
        ),
    },
    userIndex: {
      searchUsers: ({ vectors, count, k }) =>
        Promise.resolve(
          exactTopK({ queries: vectors, queryCount: count, matrix: USER_VECTORS, rowCount: 3, dimension: 2, k }),
        ),
      searchByUsers: ({ userRows, k }) => {
        const queries = Float32Array.from(
          [...userRows].flatMap((row) => [...USER_VECTORS.subarray(2 * row, 2 * row + 2)]),
        );
        return Promise.resolve(
          exactTopK({ queries, queryCount: userRows.length, matrix: VECTORS, rowCount: 6, dimension: 2, k }),
        );
      },
    },
    store: {
      userContext: ({ userId }) =>
        Promise.resolve({
          userKnown: userId === 'u',
          userRow: userId === 'u' ? Float32Array.of(1, 0) : null,
          profile: null,
          history: userId === 'u' ? history('a', 'd') : history(),
        }),
      similarUsersItems: ({ userId, users, itemsPerUser }) => {
        const found = userId === 'u' ? SIMILAR_USERS.slice(0, users) : [];
        return Promise.resolve({
          ...itemsOfUsers(found, itemsPerUser),
          similarities: Float32Array.from(found, ({ similarity }) => similarity),
        });
      },
      usersItems: ({ userRows, itemsPerUser }) =>
        Promise.resolve(
          itemsOfUsers(
            Array.from(userRows, (row) => USERS[row]!),
            itemsPerUser,
          ),
        ),
      similarItems: ({ itemRows, limit }) =>
        Promise.resolve(toLists(Array.from(itemRows, (row) => (SIMILAR_ITEMS[ITEMS[row]!] ?? []).slice(0, limit)))),
    },
  };
}

/** Temperature .5 and decay .5 in both evidence channels, three items, no fallback. */
export function tinyProfiles({ channels = {}, ...rest }: { readonly channels?: object } = {}): Profiles {
  const evidence = { temperature: 0.5, ageDecay: 0.5 };
  const given = channels as Record<string, object>;
  const profile = {
    n: { default: 3 },
    channels: {
      ...given,
      U2I: { k: 2, ...given['U2I'] },
      U2U2I: { ...evidence, ...given['U2U2I'] },
      U2I2I: { ...evidence, ...given['U2I2I'] },
      POPULAR: { enabled: false, ...given['POPULAR'] },
    },
    ...rest,
  };
  return { ...DEFAULT_PROFILES, default: 'tiny', profiles: { tiny: profileSchema.parse(profile) } };
}

/** A call that never answers by itself, and rejects when its signal fires. */
export function frozen(_request: unknown, { signal }: { signal: AbortSignal }): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => {
      reject(new MicError('CANCELLED', 'cancelled'));
    });
  });
}

function itemsOfUsers(users: readonly (typeof USERS)[number][], itemsPerUser: number): UsersItems {
  const items = users.map((user) => user.items.slice(0, itemsPerUser));
  return {
    userIds: users.map(({ userId }) => userId),
    userRows: Uint32Array.from(users, ({ row }) => row),
    offsets: offsetsOf(items),
    itemHashes: hashIds(items.flat()),
    timesMs: new Float64Array(items.flat().length),
  };
}

function offsetsOf(lists: readonly (readonly unknown[])[]): Uint32Array {
  const offsets = new Uint32Array(lists.length + 1);
  lists.forEach((list, i) => (offsets[i + 1] = offsets[i]! + list.length));
  return offsets;
}

function toLists(lists: [string, number][][]): ScoredLists {
  return {
    offsets: offsetsOf(lists),
    rows: Uint32Array.from(lists.flat(), ([item]) => rowOf(item)),
    scores: Float32Array.from(lists.flat(), ([, score]) => score),
  };
}
