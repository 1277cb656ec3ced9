import { MicError, type ScoredLists } from '@mic/domain';
import { BoundedHeap } from './bounded-heap';
import { firstNonFinite } from './first-non-finite';

export interface ExactTopKRequest {
  /** queryCount x dimension, row-major. */
  readonly queries: Float32Array;
  readonly queryCount: number;
  /** rowCount x dimension, row-major. */
  readonly matrix: Float32Array;
  readonly rowCount: number;
  readonly dimension: number;
  /** Results wanted per query; a list is shorter where fewer rows are left. */
  readonly k: number;
  /** Rows to leave out of a query's list, in any order; rows beyond the matrix are ignored. */
  readonly exclude?: (queryIndex: number) => Uint32Array | undefined;
  /** Query i is row i of the matrix: leave row i out of list i. */
  readonly excludeSelf?: boolean;
  /** Called after each group of queries with the number of queries done. */
  readonly onProgress?: (queriesDone: number, queryCount: number) => void;
}

/** Queries that share one pass over a block of rows. */
const QUERY_TILE = 8;
/** Rows of a block: 512 rows of 64 floats are 128 KiB and stay in the second-level cache for all queries of a tile. */
const ROW_BLOCK = 512;

/**
 * The k rows of a matrix with the highest dot product with each query, by looking at every row: the oracle that
 * approximate indexes are measured against. Scores are summed in float64 and rounded to float32, lists are best first,
 * and equal scores are ordered by row. Cost: queryCount x rowCount x dimension multiplications.
 *
 * @throws MicError INVALID_ARGUMENT on a wrong length, a k below 0, or a NaN or infinity in either matrix.
 */
export function exactTopK(request: ExactTopKRequest): ScoredLists {
  check(request);
  const { queries, queryCount, matrix, rowCount, dimension, exclude, excludeSelf, onProgress } = request;
  const longest = Math.min(request.k, rowCount);
  const offsets = new Uint32Array(queryCount + 1);
  const rows = new Uint32Array(queryCount * longest);
  const scores = new Float32Array(queryCount * longest);
  const heaps = Array.from({ length: Math.min(QUERY_TILE, queryCount) }, () => new BoundedHeap(longest));
  const tileScores = new Float32Array(QUERY_TILE * ROW_BLOCK);
  let filled = 0;
  for (let firstQuery = 0; firstQuery < queryCount; firstQuery += QUERY_TILE) {
    const tileQueries = Math.min(QUERY_TILE, queryCount - firstQuery);
    const excluded = Array.from({ length: tileQueries }, (_, q) => exclude?.(firstQuery + q));
    for (let firstRow = 0; firstRow < rowCount; firstRow += ROW_BLOCK) {
      const blockRows = Math.min(ROW_BLOCK, rowCount - firstRow);
      scoreBlock(queries, firstQuery, tileQueries, matrix, firstRow, blockRows, dimension, tileScores);
      for (let q = 0; q < tileQueries; q++) {
        const at = q * ROW_BLOCK;
        const self = firstQuery + q - firstRow;
        if (excludeSelf && self >= 0 && self < blockRows) tileScores[at + self] = NaN;
        for (const row of excluded[q] ?? []) {
          if (row >= firstRow && row < firstRow + blockRows) tileScores[at + row - firstRow] = NaN;
        }
        heaps[q]!.offerBlock(tileScores, at, blockRows, firstRow);
      }
    }
    for (let q = 0; q < tileQueries; q++) {
      filled += heaps[q]!.drainInto(rows, scores, filled);
      offsets[firstQuery + q + 1] = filled;
    }
    onProgress?.(firstQuery + tileQueries, queryCount);
  }
  const full = filled === rows.length;
  return { offsets, rows: full ? rows : rows.slice(0, filled), scores: full ? scores : scores.slice(0, filled) };
}

/** out[q * ROW_BLOCK + r] = query (firstQuery + q) . row (firstRow + r). */
function scoreBlock(
  queries: Float32Array,
  firstQuery: number,
  queryCount: number,
  matrix: Float32Array,
  firstRow: number,
  rowCount: number,
  dimension: number,
  out: Float32Array,
): void {
  // Two queries by four rows share their loads. Every pair is summed in the same order, so that equal rows get equal
  // scores wherever they stand. A query left alone is paired with itself.
  const fours = rowCount & ~3;
  for (let q = 0; q < queryCount; q += 2) {
    const partner = Math.min(q + 1, queryCount - 1);
    const startA = (firstQuery + q) * dimension;
    const startB = (firstQuery + partner) * dimension;
    const outA = q * ROW_BLOCK;
    const outB = partner * ROW_BLOCK;
    for (let r = 0; r < fours; r += 4) {
      const start = (firstRow + r) * dimension;
      let a0 = 0;
      let a1 = 0;
      let a2 = 0;
      let a3 = 0;
      let b0 = 0;
      let b1 = 0;
      let b2 = 0;
      let b3 = 0;
      for (let d = 0; d < dimension; d++) {
        const a = queries[startA + d]!;
        const b = queries[startB + d]!;
        const i = start + d;
        const x0 = matrix[i]!;
        const x1 = matrix[i + dimension]!;
        const x2 = matrix[i + dimension + dimension]!;
        const x3 = matrix[i + dimension + dimension + dimension]!;
        a0 += a * x0;
        b0 += b * x0;
        a1 += a * x1;
        b1 += b * x1;
        a2 += a * x2;
        b2 += b * x2;
        a3 += a * x3;
        b3 += b * x3;
      }
      out[outA + r] = a0;
      out[outA + r + 1] = a1;
      out[outA + r + 2] = a2;
      out[outA + r + 3] = a3;
      out[outB + r] = b0;
      out[outB + r + 1] = b1;
      out[outB + r + 2] = b2;
      out[outB + r + 3] = b3;
    }
    for (let r = fours; r < rowCount; r++) {
      let i = (firstRow + r) * dimension;
      let a = 0;
      let b = 0;
      for (let d = 0; d < dimension; d++, i++) {
        a += queries[startA + d]! * matrix[i]!;
        b += queries[startB + d]! * matrix[i]!;
      }
      out[outA + r] = a;
      out[outB + r] = b;
    }
  }
}

function check({ queries, queryCount, matrix, rowCount, dimension, k }: ExactTopKRequest): void {
  const refuse = (message: string, subject: string): never => {
    throw new MicError('INVALID_ARGUMENT', message, { subject });
  };
  if (!Number.isInteger(k) || k < 0) refuse(`k is ${k}; it must be a whole number of at least 0`, 'k');
  for (const [subject, values, count] of [
    ['queries', queries, queryCount],
    ['matrix', matrix, rowCount],
  ] as const) {
    if (values.length !== count * dimension) {
      refuse(`${subject} has ${values.length} numbers; ${count} x ${dimension} need ${count * dimension}`, subject);
    }
    const bad = firstNonFinite(values);
    if (bad >= 0) refuse(`${subject} row ${Math.floor(bad / dimension)} has the value ${values[bad]}`, subject);
  }
}
