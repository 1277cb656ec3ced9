import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseReleaseId } from '@mic/domain';
import { buildHnsw, WorkerItemIndex } from '@mic/hnsw-index';
import { matmulTopK } from '@mic/matrix';

/** Rows up to which every row is looked at; beyond, an HNSW graph is built and searched. */
const EXACT_ROWS = 50_000;
/** Queries of one search of the graph. */
const BURST = 1_024;

/**
 * The k rows of a matrix with the highest dot product with each query, queries x k, best first; a query that has fewer
 * repeats its last one.
 */
export async function nearestRows(
  queries: Float32Array,
  matrix: Float32Array,
  dimension: number,
  k: number,
  exactRows = EXACT_ROWS,
): Promise<Uint32Array> {
  const queryCount = queries.length / dimension;
  const rowCount = matrix.length / dimension;
  const found = new Uint32Array(queryCount * k);
  const take = (first: number, { offsets, rows }: { offsets: Uint32Array; rows: Uint32Array }): void => {
    for (let q = 0; q + 1 < offsets.length; q++) {
      const count = offsets[q + 1]! - offsets[q]!;
      for (let i = 0; i < k; i++) found[(first + q) * k + i] = rows[offsets[q]! + Math.min(i, count - 1)]!;
    }
  };
  if (rowCount <= exactRows) {
    take(0, await matmulTopK({ queries, queryCount, matrix, rowCount, dimension, k }));
    return found;
  }
  const folder = await mkdtemp(join(tmpdir(), 'mic-mining-'));
  try {
    const indexPath = join(folder, 'graph.hnsw');
    await buildHnsw({ vectors: matrix, count: rowCount, dimension, path: indexPath, efConstruction: 100 });
    const releaseId = parseReleaseId('mining');
    const options = { releaseId, vectors: matrix, count: rowCount, dimension, indexPath, workers: 2 };
    const index = await WorkerItemIndex.open({ ...options, kind: 'hnsw', ef: 64 });
    try {
      for (let from = 0; from < queryCount; from += BURST) {
        const count = Math.min(BURST, queryCount - from);
        const vectors = queries.subarray(from * dimension, (from + count) * dimension);
        const call = { signal: new AbortController().signal, requestId: 'mining' };
        take(from, await index.search({ releaseId, count, vectors, k }, call));
      }
    } finally {
      await index.close();
    }
    return found;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
