import { parentPort, workerData } from 'node:worker_threads';
import { MicError, toMicError } from '@mic/domain';
import { firstNonFinite } from '@mic/vectors';
import { checkIndexFile } from './index-file';
import { RowSearcher } from './row-searcher';
import type { Burst, BurstLists, WorkerMessage, WorkerRequest, WorkerSetup } from './worker-protocol';

const port = parentPort!;

async function open({ kind, vectors, count, dimension, indexPath, check }: WorkerSetup): Promise<RowSearcher> {
  if (check) {
    const bad = firstNonFinite(vectors);
    if (bad >= 0) {
      const row = Math.floor(bad / dimension);
      throw new MicError('INVALID_ARGUMENT', `vectors row ${row} has the value ${vectors[bad]}`, {
        subject: 'vectors',
      });
    }
    if (kind === 'hnsw') await checkIndexFile(indexPath!, vectors, count, dimension);
  }
  if (kind === 'exact') return RowSearcher.exact(vectors, count, dimension);
  return RowSearcher.hnsw(indexPath!, vectors, count, dimension);
}

function answer(searcher: RowSearcher, { parts, vectors: queries }: Burst): BurstLists {
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

function serve(searcher: RowSearcher): void {
  port.on('message', (burst: WorkerRequest) => {
    if (burst === 'close') {
      port.close();
      return;
    }
    try {
      const lists = answer(searcher, burst);
      const transfer = [lists.offsets.buffer, lists.rows.buffer, lists.scores.buffer] as ArrayBuffer[];
      port.postMessage({ type: 'lists', lists } satisfies WorkerMessage, transfer);
    } catch (error) {
      port.postMessage({ type: 'error', message: String(error) } satisfies WorkerMessage);
    }
  });
  port.postMessage({ type: 'ready' } satisfies WorkerMessage);
}

await open(workerData as WorkerSetup).then(serve, (error: unknown) => {
  const { code, message, subject, remedy } = toMicError(error);
  port.postMessage({ type: 'refused', code, message, subject, remedy } satisfies WorkerMessage);
});
