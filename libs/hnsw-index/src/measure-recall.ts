import { exactTopK } from '@mic/vectors';
import { checkIndexFile } from './index-file';
import { RowSearcher } from './row-searcher';

export interface MeasureRecallRequest {
  /** File that buildHnsw wrote over the vectors. */
  readonly path: string;
  /** count x dimension, row-major. */
  readonly vectors: Float32Array;
  readonly count: number;
  readonly dimension: number;
  /** queryCount x dimension: a sample of what the index will be asked. */
  readonly queries: Float32Array;
  readonly queryCount: number;
  /** Length of the lists that are compared; 100 by default. */
  readonly k?: number;
  /** Search width. */
  readonly ef: number;
}

/**
 * Share of the exact top k that the index finds, 0 .. 1, mean over the queries (recall@k of approximate search). Blocks
 * the event loop.
 *
 * @throws MicError DATA_LOSS when the file is no index of the vectors, INVALID_ARGUMENT on bad vectors.
 */
export async function measureRecall(request: MeasureRecallRequest): Promise<number> {
  const { path, vectors, count, dimension, queries, queryCount, ef } = request;
  const k = Math.min(request.k ?? 100, count);
  await checkIndexFile(path, vectors, count, dimension);
  const exact = exactTopK({ queries, queryCount, matrix: vectors, rowCount: count, dimension, k });
  const searcher = RowSearcher.hnsw(path, vectors, count, dimension);
  const rows = new Uint32Array(k);
  const scores = new Float32Array(k);
  let found = 0;
  for (let query = 0; query < queryCount; query++) {
    const length = searcher.search(queries, query, k, ef, rows, scores, 0);
    const wanted = new Set(exact.rows.subarray(exact.offsets[query], exact.offsets[query + 1]));
    for (let i = 0; i < length; i++) if (wanted.has(rows[i]!)) found++;
  }
  return exact.rows.length === 0 ? 1 : found / exact.rows.length;
}
