import { AnnServiceService, Index, SearchRequest } from '@mic/contracts';
import { WorkerItemIndex, WorkerUserIndex } from '@mic/hnsw-index';
import type { OpenReleases } from '@mic/service-host';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { annApi, type Indexes } from '../../apps/ann-service/src/handler';
import { rejection } from './callers';
import { bothWays, holding, internalRpc, OPEN } from './internal-rpc';

const { search } = AnnServiceService;
const DIMENSION = OPEN.dimension;
/** Six items on the half circle from (1, 0) to (-1, 0). */
const VECTORS = Float32Array.of(1, 0, 0.8, 0.6, 0.6, 0.8, 0, 1, -0.6, 0.8, -1, 0);
/** Three users on it. */
const USER_VECTORS = Float32Array.of(1, 0, 0.6, 0.8, 0, 1);
let items: WorkerItemIndex;
let users: WorkerUserIndex;
let releases: OpenReleases<Indexes>;

beforeAll(async () => {
  items = await WorkerItemIndex.open({
    releaseId: OPEN.releaseId,
    vectors: VECTORS,
    count: OPEN.items,
    dimension: DIMENSION,
    kind: 'exact',
    workers: 1,
  });
  users = await WorkerUserIndex.open({
    releaseId: OPEN.releaseId,
    vectors: USER_VECTORS,
    count: OPEN.users,
    dimension: DIMENSION,
    kind: 'exact',
    items,
  });
  releases = await holding<Indexes>({ vectors: VECTORS, items, users: { vectors: USER_VECTORS, index: users } });
});
afterAll(async () => {
  await users.close();
  await items.close();
});

type Search = Parameters<typeof SearchRequest.fromPartial>[0];
const requestOf = (search: Search): SearchRequest =>
  SearchRequest.fromPartial({ releaseId: OPEN.releaseId, index: Index.INDEX_ITEMS, k: 2, ...search });
const toTheRight = { vectors: { count: 1, values: [1, 0] } };

for (const request of [
  toTheRight,
  { ...toTheRight, index: Index.INDEX_USERS },
  { rows: { rows: [1], of: Index.INDEX_USERS } },
]) {
  internalRpc({
    method: search,
    request: requestOf(request),
    open: () => annApi(() => releases),
    throwing: (error) =>
      annApi(() => {
        throw error();
      }),
    over: async (call) => {
      const index = { searchUsers: call, searchByUsers: call };
      const failing = { vectors: VECTORS, items: { search: call }, users: { vectors: USER_VECTORS, index } };
      const failingReleases = await holding<Indexes>(failing);
      return annApi(() => failingReleases);
    },
  });
}

/** The lists of an answer as [row, score with three digits]. */
function listsOf({ lists }: { lists?: { offsets: number[]; rows: number[]; scores: number[] } }) {
  const { offsets, rows, scores } = lists!;
  return offsets.slice(1).map((end, list) => {
    const from = offsets[list]!;
    return rows.slice(from, end).map((row, i) => [row, Number(scores[from + i]!.toFixed(3))]);
  });
}

bothWays(
  'Search',
  () => [annApi(() => releases)],
  (caller) => {
    const answer = async (request: Search) => listsOf(await caller.call(search, requestOf(request)));

    it('finds the nearest rows of each vector, best first', async () => {
      const vectors = { count: 3, values: [1, 0, 0, 1, -0.8, 0.6] };
      expect(await answer({ vectors, k: 3 })).toEqual([
        [
          [0, 1],
          [1, 0.8],
          [2, 0.6],
        ],
        [
          [3, 1],
          [2, 0.8],
          [4, 0.8],
        ],
        [
          [4, 0.96],
          [5, 0.8],
          [3, 0.6],
        ],
      ]);
    });

    it('finds the nearest rows of rows, without themselves', async () => {
      expect(await answer({ rows: { rows: [0, 4, 0] }, k: 2 })).toEqual([
        [
          [1, 0.8],
          [2, 0.6],
        ],
        [
          [3, 0.8],
          [5, 0.6],
        ],
        [
          [1, 0.8],
          [2, 0.6],
        ],
      ]);
    });

    it('finds the nearest users of each vector', async () => {
      const vectors = { count: 2, values: [1, 0, 0, 1] };
      expect(await answer({ index: Index.INDEX_USERS, vectors })).toEqual([
        [
          [0, 1],
          [1, 0.6],
        ],
        [
          [2, 1],
          [1, 0.8],
        ],
      ]);
    });

    it('finds the nearest users of users, without themselves', async () => {
      const expected = [
        [
          [2, 0.8],
          [0, 0.6],
        ],
        [
          [1, 0.6],
          [2, 0],
        ],
      ];
      const rows = { rows: [1, 0] };
      expect(await answer({ index: Index.INDEX_USERS, rows })).toEqual(expected);
      const named = { ...rows, of: Index.INDEX_USERS };
      expect(await answer({ index: Index.INDEX_USERS, rows: named })).toEqual(expected);
    });

    it('finds items by users, and users by items: the same row number is another thing there', async () => {
      const byUsers = { rows: [0, 2], of: Index.INDEX_USERS };
      expect(await answer({ rows: byUsers })).toEqual([
        [
          [0, 1],
          [1, 0.8],
        ],
        [
          [3, 1],
          [2, 0.8],
        ],
      ]);
      const byItems = { rows: [0, 5], of: Index.INDEX_ITEMS };
      expect(await answer({ index: Index.INDEX_USERS, rows: byItems, k: 1 })).toEqual([[[0, 1]], [[2, 0]]]);
    });

    it('cuts k to what the index holds, and takes every limit', async () => {
      const values = Array.from({ length: 512 }, () => [0, 1]).flat();
      const lists = await answer({ vectors: { count: 512, values }, k: 10_000, ef: 10_000 });
      expect(lists).toHaveLength(512);
      expect(new Set(lists.map((list) => JSON.stringify(list))).size).toBe(1);
      expect(lists[0]!.map(([row]) => row)).toEqual([3, 2, 4, 1, 0, 5]);
      expect((await answer({ rows: { rows: Array<number>(512).fill(5) }, k: 10_000 }))[511]).toHaveLength(5);
    });

    const refusals: [string, Search, string, string][] = [
      ['no query', { rows: undefined }, 'queries', 'exactly one of vectors and rows'],
      ['no vector', { vectors: { count: 0, values: [] } }, 'vectors', 'has 0 entries, 1 to 512'],
      ['513 vectors', { vectors: { count: 513, values: Array(1_026).fill(0) } }, 'vectors', 'has 513 entries'],
      ['short vectors', { vectors: { count: 2, values: [1, 0, 1] } }, 'vectors.values', 'has 3 numbers, 2 x 2'],
      ['another dimension', { vectors: { count: 1, values: [1, 0, 0] } }, 'vectors.values', 'has 3 numbers, 1 x 2'],
      ['NaN', { vectors: { count: 1, values: [0, NaN] } }, 'vectors.values[1]', 'is NaN'],
      ['infinity', { vectors: { count: 1, values: [-Infinity, 0] } }, 'vectors.values[0]', 'is -Infinity'],
      ['no row', { rows: { rows: [] } }, 'rows', 'has 0 entries, 1 to 512'],
      ['513 rows', { rows: { rows: Array(513).fill(0) } }, 'rows', 'has 513 entries'],
      ['a row beyond the index', { rows: { rows: [5, 6] } }, 'rows.rows[1]', 'is 6, the index has 6 rows'],
      ['a user beyond the users', { rows: { rows: [2, 3], of: Index.INDEX_USERS } }, 'rows.rows[1]', 'is 3, the index has 3 rows'], // prettier-ignore
      ['an item beyond the items', { index: Index.INDEX_USERS, rows: { rows: [6], of: Index.INDEX_ITEMS } }, 'rows.rows[0]', 'is 6, the index has 6 rows'], // prettier-ignore
      [
        'rows of an index of another version',
        { rows: { rows: [0], of: 9 as unknown as Index } },
        'rows.of',
        'is no index that there is',
      ],
      ['k of 0', { ...toTheRight, k: 0 }, 'k', 'is 0, 1 to 10000'],
      ['k of 10,001', { ...toTheRight, k: 10_001 }, 'k', 'is 10001'],
      ['ef of 0', { ...toTheRight, ef: 0 }, 'ef', 'is 0, 1 to 10000'],
      ['ef of 10,001', { ...toTheRight, ef: 10_001 }, 'ef', 'is 10001'],
      ['no index', { ...toTheRight, index: Index.INDEX_UNSPECIFIED }, 'index', 'is not set'],
    ];
    it.each(refusals)('INVALID_ARGUMENT: %s', async (_name, request, field, message) => {
      const error = await rejection(caller.call(search, requestOf(request)));
      expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', subject: field });
      expect(error.message).toContain(`${field} `);
      expect(error.message).toContain(message);
      expect(error.remedy).toBeTruthy();
    });
  },
);

bothWays(
  'Search without the users',
  async () => {
    const withoutUsers = await holding<Indexes>({ vectors: VECTORS, items, users: null });
    return [annApi(() => withoutUsers)];
  },
  (caller) => {
    it.each<[string, Search, string]>([
      ['the user index', { ...toTheRight, index: Index.INDEX_USERS }, 'index'],
      ['rows of users', { rows: { rows: [0], of: Index.INDEX_USERS } }, 'rows.of'],
    ])('NOT_FOUND: %s', async (_name, request, field) => {
      const error = await rejection(caller.call(search, requestOf(request)));
      expect(error).toMatchObject({ code: 'NOT_FOUND', subject: field });
      expect(error.remedy).toContain('MIC_USER_INDEX=true');
    });

    it('answers what needs the items alone', async () => {
      expect(listsOf(await caller.call(search, requestOf({ ...toTheRight, k: 1 })))).toEqual([[[0, 1]]]);
    });
  },
);
