/** One question of an evaluation: whose list, and what should be in it. */
export interface TestCase {
  /** User row. */
  readonly user: number;
  /** Distinct item rows, oldest first. */
  readonly relevant: Uint32Array;
}

/** Item rows of a user's history as it stands, oldest first. */
export type HistoryOf = (user: number) => Uint32Array;
