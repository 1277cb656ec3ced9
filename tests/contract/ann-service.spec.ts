import { AnnServiceService, Index, SearchRequest } from '@mic/contracts';
import { WorkerItemIndex } from '@mic/hnsw-index';
import type { OpenReleases } from '@mic/service-host';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { annApi, type Indexes } from '../../apps/ann-service/src/handler';
import { rejection } from './callers';
import { bothWays, holding, internalRpc, OPEN } from './internal-rpc';

const { search } = AnnServiceService;
const DIMENSION = OPEN.dimension;
/** Six items on the half circle from (1, 0) to (-1, 0). */
const VECTORS = Float32Array.of(1, 0, 0.8, 0.6, 0.6, 0.8, 0, 1, -0.6, 0.8, -1, 0);
let items: WorkerItemIndex;
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
  releases = await holding<Indexes>({ vectors: VECTORS, items });
});
afterAll(() => items.close());

type Search = Parameters<typeof SearchRequest.fromPartial>[0];
const requestOf = (search: Search): SearchRequest =>
  SearchRequest.fromPartial({ releaseId: OPEN.releaseId, index: Index.INDEX_ITEMS, k: 2, ...search });
const toTheRight = { vectors: { count: 1, values: [1, 0] } };

internalRpc({
  method: search,
  request: requestOf(toTheRight),
  open: () => annApi(() => releases),
  throwing: (error) =>
    annApi(() => {
      throw error();
    }),
  over: async (call) => {
    const failing = await holding<Indexes>({ vectors: VECTORS, items: { search: call } });
    return annApi(() => failing);
  },
});

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

    it('NOT_FOUND for an index that the release does not have', async () => {
      const users = requestOf({ ...toTheRight, index: Index.INDEX_USERS });
      const error = await rejection(caller.call(search, users));
      expect(error).toMatchObject({ code: 'NOT_FOUND', subject: 'index' });
      expect(error.remedy).toContain('INDEX_ITEMS');
    });
  },
);
