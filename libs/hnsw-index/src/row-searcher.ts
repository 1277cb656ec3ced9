import hnswlib from 'hnswlib-node';

/** An hnswlib object that is filled and never changed again. */
type Library =
  | { readonly kind: 'exact'; readonly index: hnswlib.BruteforceSearch }
  | { readonly kind: 'hnsw'; readonly index: hnswlib.HierarchicalNSW };

/**
 * One hnswlib index over the rows of a matrix: the only place that converts between its world (number[], distances, labels)
 * and ours (typed arrays, dot products, rows). Calls are synchronous. Arguments must be checked before: the library
 * aborts the process or answers nonsense on bad ones.
 */
export class RowSearcher {
  readonly #library: Library;
  readonly #vectors: Float32Array;
  readonly #dimension: number;
  readonly #query: number[];
  #ef = 0;

  private constructor(library: Library, vectors: Float32Array, dimension: number) {
    this.#library = library;
    this.#vectors = vectors;
    this.#dimension = dimension;
    this.#query = new Array<number>(dimension).fill(0);
  }

  /** Looks at every row. @param vectors count x dimension. */
  static exact(vectors: Float32Array, count: number, dimension: number): RowSearcher {
    const index = new hnswlib.BruteforceSearch('ip', dimension);
    index.initIndex(count);
    const point = new Array<number>(dimension).fill(0);
    for (let row = 0; row < count; row++) {
      for (let d = 0; d < dimension; d++) point[d] = vectors[row * dimension + d]!;
      index.addPoint(point, row);
    }
    return new RowSearcher({ kind: 'exact', index }, vectors, dimension);
  }

  /** Loads an index file that passed checkIndexFile. @throws Error when its number of rows is another. */
  static hnsw(path: string, vectors: Float32Array, count: number, dimension: number): RowSearcher {
    const index = new hnswlib.HierarchicalNSW('ip', dimension);
    index.readIndexSync(path);
    if (index.getCurrentCount() !== count) {
      throw new Error(`${path} has ${index.getCurrentCount()} rows, not ${count}`);
    }
    return new RowSearcher({ kind: 'hnsw', index }, vectors, dimension);
  }

  /**
   * Writes the rows nearest to one query into `rows` and their dot products into `scores` from `at` on: best first,
   * equal scores by row.
   *
   * @param queries row-major finite vectors. @param query the row among them. @param k 1 .. count.
   * @param ef search width of an HNSW index, ignored by an exact one.
   * @returns the number of rows found, k at most.
   */
  search(
    queries: Float32Array,
    query: number,
    k: number,
    ef: number,
    rows: Uint32Array,
    scores: Float32Array,
    at: number,
  ): number {
    const { index } = this.#library;
    for (let d = 0; d < this.#dimension; d++) this.#query[d] = queries[query * this.#dimension + d]!;
    if (this.#library.kind === 'hnsw' && ef !== this.#ef) {
      this.#library.index.setEf(ef);
      this.#ef = ef;
    }
    const { neighbors } = index.searchKnn(this.#query, k);
    // The library's distance, 1 - dot in float32, has lost the last digits of the dot product: it is computed again,
    // and the few rows that this puts out of order move up (they are nearly sorted, so that insertion is cheap).
    for (let i = 0; i < neighbors.length; i++) {
      const row = neighbors[i]!;
      const score = Math.fround(this.#dotProduct(row));
      let place = at + i;
      while (place > at && (score > scores[place - 1]! || (score === scores[place - 1]! && row < rows[place - 1]!))) {
        scores[place] = scores[place - 1]!;
        rows[place] = rows[place - 1]!;
        place--;
      }
      scores[place] = score;
      rows[place] = row;
    }
    return neighbors.length;
  }

  #dotProduct(row: number): number {
    const query = this.#query;
    const vectors = this.#vectors;
    const start = row * this.#dimension;
    let sum = 0;
    for (let d = 0; d < query.length; d++) sum += query[d]! * vectors[start + d]!;
    return sum;
  }
}
