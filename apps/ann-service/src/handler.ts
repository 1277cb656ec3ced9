import { AnnServiceService, Index, type QueryVectors, type SearchRequest } from '@mic/contracts';
import { MicError, type ScoredLists } from '@mic/domain';
import type { ItemIndex } from '@mic/recall';
import { serviceHandlers, type ServiceHandlers } from '@mic/rpc';
import type { OpenReleases } from '@mic/service-host';
import { checkCount, checkNumber, toWireLists } from '@mic/wire';

const MAX_QUERIES = 512;
const MAX_K = 10_000;
const MAX_EF = 10_000;

/** The indexes of a release. */
export interface Indexes {
  /** items x dimension, row-major. */
  readonly vectors: Float32Array;
  readonly items: ItemIndex;
}

/** mic.ann.v1.AnnService over the indexes of the releases that are open. */
export function annApi(releases: () => Pick<OpenReleases<Indexes>, 'use'>): ServiceHandlers {
  return serviceHandlers(AnnServiceService, {
    async search(request, { signal, requestId }) {
      return releases().use(request, async ({ vectors, items }, release) => {
        checkIndex(request.index);
        const k = checkNumber('k', request.k, 1, MAX_K);
        const ef = request.ef === undefined ? undefined : checkNumber('ef', request.ef, 1, MAX_EF);
        const { releaseId, dimension } = release;
        const search = (count: number, queries: Float32Array, wanted: number): Promise<ScoredLists> =>
          items.search({ releaseId, count, vectors: queries, k: wanted, ef }, { signal, requestId });

        if (request.vectors !== undefined && request.rows === undefined) {
          const queries = toQueries(request.vectors, dimension);
          return { releaseId, lists: toWireLists(await search(request.vectors.count, queries, k)) };
        }
        if (request.rows !== undefined && request.vectors === undefined) {
          const rows = checkRows(request.rows.rows, release.items);
          const queries = new Float32Array(rows.length * dimension);
          rows.forEach((row, i) => {
            queries.set(vectors.subarray(row * dimension, (row + 1) * dimension), i * dimension);
          });
          return { releaseId, lists: toWireLists(withoutSelf(await search(rows.length, queries, k + 1), rows, k)) };
        }
        throw invalid('queries', 'is not set: exactly one of vectors and rows is needed');
      });
    },
  });
}

function toQueries({ count, values }: QueryVectors, dimension: number): Float32Array {
  checkCount('vectors', count, 1, MAX_QUERIES);
  if (values.length !== count * dimension) {
    throw invalid('vectors.values', `has ${values.length} numbers, ${count} x ${dimension} are needed`);
  }
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw invalid(`vectors.values[${bad}]`, `is ${values[bad]}, a finite number is needed`);
  return Float32Array.from(values);
}

function checkIndex(index: SearchRequest['index']): void {
  if (index === Index.INDEX_ITEMS) return;
  if (index === Index.INDEX_USERS) {
    throw new MicError('NOT_FOUND', 'the release has no index of users', {
      subject: 'index',
      remedy: 'ask for INDEX_ITEMS, or build a release with an index of users',
    });
  }
  throw invalid('index', 'is not set: INDEX_ITEMS or INDEX_USERS is needed');
}

function checkRows(rows: readonly number[], count: number): readonly number[] {
  checkCount('rows', rows.length, 1, MAX_QUERIES);
  const beyond = rows.findIndex((row) => row >= count);
  if (beyond >= 0) throw invalid(`rows.rows[${beyond}]`, `is ${rows[beyond]}, the index has ${count} rows`);
  return rows;
}

/** Lists of k + 1 without the row that was asked for, or else without the last. */
function withoutSelf({ offsets, rows, scores }: ScoredLists, selves: readonly number[], k: number): ScoredLists {
  const kept: number[] = [];
  const ends = selves.map((self, list) => {
    let left = k;
    for (let i = offsets[list]!; i < offsets[list + 1]! && left > 0; i++) {
      if (rows[i] === self) continue;
      kept.push(i);
      left--;
    }
    return kept.length;
  });
  return {
    offsets: Uint32Array.of(0, ...ends),
    rows: Uint32Array.from(kept, (i) => rows[i]!),
    scores: Float32Array.from(kept, (i) => scores[i]!),
  };
}

function invalid(field: string, message: string): MicError {
  return new MicError('INVALID_ARGUMENT', `${field} ${message}`, {
    subject: field,
    remedy: 'send queries that fit the dimension and the rows of the release that is named',
  });
}
