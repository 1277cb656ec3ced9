/** One event of the outside world: this user consumed this item, then. */
export interface Interaction {
  readonly userId: string;
  readonly itemId: string;
  /** Milliseconds since the epoch; a dataset ordered by position uses the position instead. */
  readonly timeMs: number;
  /** Strength of the event, above 0; 1 where the source has none. */
  readonly weight: number;
}

/** A row number that names nothing: the item or user is not in this release. */
export const NO_ROW = 0xffffffff;

/**
 * Users' histories in compressed sparse row form. The history of user row u is [offsets[u], offsets[u + 1]), oldest
 * first, ties in file order.
 */
export interface HistoryTable {
  readonly userCount: number;
  readonly itemCount: number;
  /** Length userCount + 1. */
  readonly offsets: Uint32Array;
  /** Item row of each event, below itemCount. */
  readonly itemRows: Uint32Array;
  /** Time of each event, milliseconds since the epoch (or its position). */
  readonly timesMs: Float64Array;
  /** Weight of each event, above 0. */
  readonly weights: Float32Array;
}
