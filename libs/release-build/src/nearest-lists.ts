import { NO_ROW, type ScoredLists } from '@mic/domain';
import { matmulTopK } from '@mic/matrix';
import { searchIndex, type SearchableRows } from './row-index';

/** Lists of a fixed width as a release holds them: padded with NO_ROW and 0. */
export interface ListColumns {
  /** queries x length. */
  readonly rows: Uint32Array;
  readonly similarities: Float32Array;
  /** Share of the exact lists' entries that are in these, on a sample; 1 where they are exact. */
  readonly recall: number;
}

export interface NearestListsRequest {
  readonly of: SearchableRows;
  /** Several vectors of a query, one behind the other: the best similarity to any of them counts. */
  readonly queries: Float32Array;
  readonly vectorsPerQuery: number;
  readonly length: number;
  /** Query i is row i: leave row i out of list i. */
  readonly withoutSelf: boolean;
  /** Index file to search; null: every row is looked at. */
  readonly indexPath: string | null;
  readonly ef: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Lists on which recall is measured. */
const SAMPLE = 300;
const THREADS = 2;

/** The rows nearest to each query, best first, exactly or by an index. */
export async function nearestLists(request: NearestListsRequest): Promise<ListColumns> {
  const { of, queries, vectorsPerQuery, length, withoutSelf, indexPath, ef, onProgress } = request;
  const queryCount = queries.length / of.dimension / vectorsPerQuery;
  const columns = new Columns(queryCount, length, withoutSelf);
  // A row finds itself, and several vectors of a query find the same rows.
  const k = Math.min(of.count, length + Number(withoutSelf));
  if (indexPath !== null) {
    const search = { queries, queryCount: queryCount * vectorsPerQuery, k, ef };
    let waiting: ScoredLists[] = [];
    let done = 0;
    await searchIndex(of, indexPath, search, (_, lists) => {
      for (let i = 0; i + 1 < lists.offsets.length; i++) {
        waiting.push(oneList(lists, i));
        if (waiting.length < vectorsPerQuery) continue;
        columns.set(done++, waiting);
        waiting = [];
      }
      onProgress?.(done, queryCount);
    });
    return { ...columns, recall: await sampledRecall(request, columns) };
  }
  const exact = await exactLists(of, queries, k, (done, total) => {
    onProgress?.(Math.floor(done / vectorsPerQuery), total / vectorsPerQuery);
  });
  for (let query = 0; query < queryCount; query++) columns.set(query, listsOf(exact, query, vectorsPerQuery));
  return { ...columns, recall: 1 };
}

function exactLists(
  { vectors: matrix, count: rowCount, dimension }: SearchableRows,
  queries: Float32Array,
  k: number,
  onProgress?: (done: number, total: number) => void,
): Promise<ScoredLists> {
  const queryCount = queries.length / dimension;
  return matmulTopK({ queries, queryCount, matrix, rowCount, dimension, k, onProgress }, THREADS);
}

async function sampledRecall(request: NearestListsRequest, found: Columns): Promise<number> {
  const { of, queries, vectorsPerQuery, length, withoutSelf } = request;
  const width = vectorsPerQuery * of.dimension;
  const queryCount = queries.length / width;
  const samples = Math.min(SAMPLE, queryCount);
  const sampled = Array.from({ length: samples }, (_, i) => Math.floor((i * queryCount) / samples));
  const vectors = new Float32Array(sampled.length * width);
  sampled.forEach((query, i) => {
    vectors.set(queries.subarray(query * width, (query + 1) * width), i * width);
  });
  const exact = await exactLists(of, vectors, Math.min(of.count, length + Number(withoutSelf)));
  let [wanted, shared] = [0, 0];
  sampled.forEach((query, i) => {
    const expected = new Columns(1, length, false);
    expected.set(0, listsOf(exact, i, vectorsPerQuery), withoutSelf ? query : NO_ROW);
    const has = new Set(found.rows.subarray(query * length, (query + 1) * length));
    for (const row of expected.rows) {
      if (row === NO_ROW) continue;
      wanted++;
      if (has.has(row)) shared++;
    }
  });
  return wanted === 0 ? 1 : shared / wanted;
}

/** Lists that are being filled. */
class Columns {
  readonly rows: Uint32Array;
  readonly similarities: Float32Array;
  readonly #length: number;
  readonly #withoutSelf: boolean;

  constructor(count: number, length: number, withoutSelf: boolean) {
    this.rows = new Uint32Array(count * length).fill(NO_ROW);
    this.similarities = new Float32Array(count * length);
    this.#length = length;
    this.#withoutSelf = withoutSelf;
  }

  /** Fills list `list` from what each vector of its query found. */
  set(list: number, found: readonly ScoredLists[], self = this.#withoutSelf ? list : NO_ROW): void {
    let place = list * this.#length;
    const end = place + this.#length;
    const { rows, scores } = found.length === 1 ? found[0]! : bestOf(found);
    for (let i = 0; i < rows.length && place < end; i++) {
      if (rows[i] === self) continue;
      this.rows[place] = rows[i]!;
      this.similarities[place++] = scores[i]!;
    }
  }
}

/** Every row once with its best score, best first, equal ones by row. */
function bestOf(found: readonly ScoredLists[]): Pick<ScoredLists, 'rows' | 'scores'> {
  const best = new Map<number, number>();
  for (const { rows, scores } of found) {
    rows.forEach((row, i) => best.set(row, Math.max(scores[i]!, best.get(row) ?? -Infinity)));
  }
  const sorted = [...best].sort(([rowA, a], [rowB, b]) => b - a || rowA - rowB);
  return {
    rows: Uint32Array.from(sorted, ([row]) => row),
    scores: Float32Array.from(sorted, ([, score]) => score),
  };
}

const oneList = ({ offsets, rows, scores }: ScoredLists, list: number): ScoredLists => ({
  offsets: new Uint32Array(0),
  rows: rows.subarray(offsets[list], offsets[list + 1]),
  scores: scores.subarray(offsets[list], offsets[list + 1]),
});

const listsOf = (all: ScoredLists, query: number, perQuery: number): ScoredLists[] =>
  Array.from({ length: perQuery }, (_, i) => oneList(all, query * perQuery + i));
