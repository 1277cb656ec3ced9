import { parseReleaseId, type ScoredLists } from '@mic/domain';
import { buildHnsw, WorkerItemIndex } from '@mic/hnsw-index';
import { matmulTopK } from '@mic/matrix';
import type { IndexInfo } from '@mic/release';
import type { BuildConfig } from './build-config';

/** Rows that can be searched for the nearest to a vector. */
export interface SearchableRows {
  /** count x dimension, unit vectors. */
  readonly vectors: Float32Array;
  readonly count: number;
  readonly dimension: number;
}

/** Queries that an index is asked at a time. */
const BATCH = 2_000;
/** Queries on which approximate search is compared with exact search. */
const RECALL_QUERIES = 500;
const THREADS = 2;
/** The index knows releases; while one is being built there is only this one. */
const RELEASE = parseReleaseId('building');

/** Builds the index over some rows where there are enough of them, in a thread of its own. */
export async function fillIndex(
  rows: SearchableRows,
  path: string,
  { m, efConstruction }: BuildConfig['hnsw'],
  onProgress?: (done: number, total: number) => void,
): Promise<void> {
  await buildHnsw({ ...rows, m, efConstruction, path, onProgress });
}

/** Searches an index with two threads: the k nearest rows of each query. */
export async function searchIndex(
  rows: SearchableRows,
  indexPath: string,
  request: { readonly queries: Float32Array; readonly queryCount: number; readonly k: number; readonly ef: number },
  onLists: (firstQuery: number, lists: ScoredLists) => void,
): Promise<void> {
  const { queries, queryCount, k, ef } = request;
  const { dimension } = rows;
  const index = await WorkerItemIndex.open({ releaseId: RELEASE, ...rows, kind: 'hnsw', indexPath, workers: THREADS });
  const options = { signal: new AbortController().signal, requestId: 'build' };
  try {
    for (let first = 0; first < queryCount; first += BATCH) {
      const count = Math.min(BATCH, queryCount - first);
      const vectors = queries.subarray(first * dimension, (first + count) * dimension);
      onLists(first, await index.search({ releaseId: RELEASE, count, vectors, k, ef: Math.max(ef, k) }, options));
    }
  } finally {
    await index.close();
  }
}

/** The search width is doubled so often at most where recall is too low: beyond it the graph is what is wrong. */
const MOST_DOUBLINGS = 3;

/**
 * What the manifest says of an index: its recall against exact search on sampled queries, and the search width that it needs,
 * the configured one or a multiple of it.
 *
 * @param wanted recall at 100, 0 .. 1; null: the configured width in any case.
 */
export async function describeIndex(
  rows: SearchableRows,
  indexPath: string,
  queries: Float32Array,
  { m, efConstruction, ef: narrowest }: BuildConfig['hnsw'],
  wanted: number | null,
): Promise<IndexInfo> {
  const sample = everyNth(queries, rows.dimension, RECALL_QUERIES);
  const k = Math.min(100, rows.count);
  const queryCount = sample.length / rows.dimension;
  const { count: rowCount, vectors: matrix, dimension } = rows;
  const exact = await matmulTopK({ queries: sample, queryCount, matrix, rowCount, dimension, k }, THREADS);
  const recallAt = async (ef: number): Promise<number> => {
    const found: number[] = [];
    await searchIndex(rows, indexPath, { queries: sample, queryCount, k, ef }, (first, lists) => {
      for (let i = 0; i + 1 < lists.offsets.length; i++) found.push(sharedRows(exact, first + i, lists, i));
    });
    return exact.rows.length === 0 ? 1 : found.reduce((a, b) => a + b, 0) / exact.rows.length;
  };
  let ef = narrowest;
  let recallAt100 = await recallAt(ef);
  for (let i = 0; i < MOST_DOUBLINGS && recallAt100 < (wanted ?? 0); i++) recallAt100 = await recallAt((ef *= 2));
  return { kind: 'hnsw', m, efConstruction, ef, recallAt100 };
}

/** Rows that list i of one has in common with list j of another. */
function sharedRows(a: ScoredLists, i: number, b: ScoredLists, j: number): number {
  const rows = new Set(a.rows.subarray(a.offsets[i], a.offsets[i + 1]));
  return b.rows.subarray(b.offsets[j], b.offsets[j + 1]).filter((row) => rows.has(row)).length;
}

/** `most` of the rows, evenly spread; all where there are fewer. */
export function everyNth(rows: Float32Array, dimension: number, most: number): Float32Array {
  const count = rows.length / dimension;
  if (count <= most) return rows.slice();
  const sample = new Float32Array(most * dimension);
  for (let i = 0; i < most; i++) {
    const row = Math.floor((i * count) / most);
    sample.set(rows.subarray(row * dimension, (row + 1) * dimension), i * dimension);
  }
  return sample;
}
