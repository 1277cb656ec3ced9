import type { ErrorCode } from '@mic/domain';

/** What a search thread is started with. */
export interface WorkerSetup {
  readonly kind: 'exact' | 'hnsw';
  /** count x dimension, over memory that all threads share. */
  readonly vectors: Float32Array;
  readonly count: number;
  readonly dimension: number;
  /** null for an exact index. */
  readonly indexPath: string | null;
  /** Look at the vectors and the file before they are used: the first thread does, for all. */
  readonly check: boolean;
}

/** Queries of one search within a burst; they share k and ef. */
export interface BurstPart {
  readonly count: number;
  /** 1 .. row count. */
  readonly k: number;
  readonly ef: number;
}

/** All that a thread has to do next, in one message. */
export interface Burst {
  readonly parts: readonly BurstPart[];
  /** Query vectors of all parts, one after another. */
  readonly vectors: Float32Array;
}

/** What a thread is told: to search, or to end when it has. */
export type WorkerRequest = Burst | 'close';

/** Lists of all queries of a burst, in their order: list i is [offsets[i], offsets[i + 1]). */
export interface BurstLists {
  readonly offsets: Uint32Array;
  readonly rows: Uint32Array;
  readonly scores: Float32Array;
}

/** What a thread says: it is ready, or refuses what it was given; it answers the last burst, or that went wrong (the thread lives on). */
export type WorkerMessage =
  | { readonly type: 'ready' }
  | {
      readonly type: 'refused';
      readonly code: ErrorCode;
      readonly message: string;
      readonly subject?: string;
      readonly remedy?: string;
    }
  | { readonly type: 'lists'; readonly lists: BurstLists }
  | { readonly type: 'error'; readonly message: string };
