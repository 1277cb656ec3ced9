import { AnnServiceService, Index, type QueryVectors } from '@mic/contracts';
import { MicError, type ScoredLists } from '@mic/domain';
import { vectorsOfRows } from '@mic/hnsw-index';
import type { CallOptions, ItemIndex, SearchRequest, UserIndex } from '@mic/recall';
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
  /** Null where the users are not open. */
  readonly users: {
    /** users x dimension, row-major. */
    readonly vectors: Float32Array;
    readonly index: UserIndex;
  } | null;
}

/** The rows of one index: what they are searched by, and how many there are. */
interface Rows {
  readonly vectors: Float32Array;
  readonly count: number;
  search(request: SearchRequest, options: CallOptions): Promise<ScoredLists>;
}

/** mic.ann.v1.AnnService over the indexes of the releases that are open. */
export function annApi(releases: () => Pick<OpenReleases<Indexes>, 'use'>): ServiceHandlers {
  return serviceHandlers(AnnServiceService, {
    async search(request, { signal, requestId }) {
      return releases().use(request, async (indexes, release) => {
        const { releaseId, dimension } = release;
        const rowsOf = (field: string, index: Index): Rows => checkIndex(field, index, indexes, release);
        const searched = rowsOf('index', request.index);
        const k = checkNumber('k', request.k, 1, MAX_K);
        const ef = request.ef === undefined ? undefined : checkNumber('ef', request.ef, 1, MAX_EF);
        const options = { signal, requestId };

        if (request.vectors !== undefined && request.rows === undefined) {
          const vectors = toQueries(request.vectors, dimension);
          const { count } = request.vectors;
          const lists = await searched.search({ releaseId, count, vectors, k, ef }, options);
          return { releaseId, lists: toWireLists(lists) };
        }
        if (request.rows !== undefined && request.vectors === undefined) {
          const of = request.rows.of === Index.INDEX_UNSPECIFIED ? request.index : request.rows.of;
          const { vectors, count } = rowsOf('rows.of', of);
          const rows = checkRows(request.rows.rows, count);
          if (request.index === Index.INDEX_ITEMS && of === Index.INDEX_USERS) {
            const byUsers = { releaseId, userRows: Uint32Array.from(rows), k, ef };
            return { releaseId, lists: toWireLists(await indexes.users!.index.searchByUsers(byUsers, options)) };
          }
          const isSame = of === request.index;
          const lists = await searched.search(
            {
              releaseId,
              count: rows.length,
              vectors: vectorsOfRows(vectors, dimension, rows),
              k: isSame ? k + 1 : k,
              ef,
            },
            options,
          );
          return { releaseId, lists: toWireLists(isSame ? withoutSelf(lists, rows, k) : lists) };
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

function checkIndex(
  field: string,
  index: Index,
  { vectors, items, users }: Indexes,
  counts: { readonly items: number; readonly users: number },
): Rows {
  if (index === Index.INDEX_ITEMS) {
    return { vectors, count: counts.items, search: (...request) => items.search(...request) };
  }
  if (index !== Index.INDEX_USERS) {
    throw invalid(field, 'is not set, or is no index that there is: INDEX_ITEMS or INDEX_USERS is needed');
  }
  if (users === null) {
    throw new MicError('NOT_FOUND', 'the user index is not open here', {
      subject: field,
      remedy: 'start the ann-service with MIC_USER_INDEX=true, or ask for INDEX_ITEMS alone',
    });
  }
  return {
    vectors: users.vectors,
    count: counts.users,
    search: (...request) => users.index.searchUsers(...request),
  };
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
