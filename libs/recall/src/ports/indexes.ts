import type { ReleaseId, ScoredLists } from '@mic/domain';
import type { CallOptions } from './call-options';

/** A burst of nearest-neighbour queries against the item vectors. */
export interface SearchRequest {
  readonly releaseId: ReleaseId;
  /** Number of query vectors. */
  readonly count: number;
  /** count x dimension, row-major, unit vectors. */
  readonly vectors: Float32Array;
  /** Results wanted per query, 1 .. item count (more is cut to the item count). */
  readonly k: number;
  /** HNSW search width; undefined: the index's default. Ignored by an exact index. */
  readonly ef?: number;
}

/** Nearest-neighbour search over a release's item vectors by dot product. */
export interface ItemIndex {
  search(request: SearchRequest, options: CallOptions): Promise<ScoredLists>;
}

/** A burst of queries by the vectors of user rows (one each, the normalised mean where a user has several). */
export interface SearchByUsersRequest extends Omit<SearchRequest, 'count' | 'vectors'> {
  readonly userRows: Uint32Array;
}

/**
 * Search with the user vectors of a release.
 * @throws MicError NOT_FOUND where they are not open: see MIC_USER_INDEX.
 */
export interface UserIndex {
  /** User rows nearest to each vector. */
  searchUsers(request: SearchRequest, options: CallOptions): Promise<ScoredLists>;
  /** Item rows nearest to the vector of each user. */
  searchByUsers(request: SearchByUsersRequest, options: CallOptions): Promise<ScoredLists>;
}
