import { parentPort, workerData } from 'node:worker_threads';
import { RowSearcher } from './row-searcher';
import type { Burst, BurstLists, WorkerMessage, WorkerSetup } from './worker-protocol';

const port = parentPort!;
const { kind, vectors, count, dimension, indexPath } = workerData as WorkerSetup;
const searcher =
  kind === 'exact'
    ? RowSearcher.exact(vectors, count, dimension)
    : RowSearcher.hnsw(indexPath!, vectors, count, dimension);

function answer({ parts, vectors: queries }: Burst): BurstLists {
  const queryCount = parts.reduce((sum, part) => sum + part.count, 0);
  const longest = parts.reduce((sum, part) => sum + part.count * part.k, 0);
  const offsets = new Uint32Array(queryCount + 1);
  const rows = new Uint32Array(longest);
  const scores = new Float32Array(longest);
  let query = 0;
  for (const part of parts) {
    for (const end = query + part.count; query < end; query++) {
      const at = offsets[query]!;
      offsets[query + 1] = at + searcher.search(queries, query, part.k, part.ef, rows, scores, at);
    }
  }
  const found = offsets[queryCount]!;
  if (found === longest) return { offsets, rows, scores };
  return { offsets, rows: rows.slice(0, found), scores: scores.slice(0, found) };
}

port.on('message', (burst: Burst) => {
  try {
    const lists = answer(burst);
    const transfer = [lists.offsets.buffer, lists.rows.buffer, lists.scores.buffer] as ArrayBuffer[];
    port.postMessage({ type: 'lists', lists } satisfies WorkerMessage, transfer);
  } catch (error) {
    port.postMessage({ type: 'error', message: String(error) } satisfies WorkerMessage);
  }
});
port.postMessage({ type: 'ready' } satisfies WorkerMessage);
