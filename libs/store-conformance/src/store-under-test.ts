import type { Store } from '@mic/recall';

/** How long the store under test keeps events, and how many live items it takes. */
export interface StoreRules {
  readonly historyTtlMs?: number;
  /** The time, milliseconds since the epoch. */
  readonly nowMs?: () => number;
  readonly liveItemsCap?: number;
}

/** A store to be tested, empty at the start. */
export interface StoreUnderTest {
  readonly store: Store;
  /** Closes the store and opens it again over the same data. */
  reopen(rules?: StoreRules): Promise<Store>;
  /** Closes the store and removes its data. */
  dispose(): Promise<void>;
}

/** The store of the case that runs: empty at its start, and another object once it was opened again. */
export interface StoreOfCase {
  store(): Store;
  /** See StoreUnderTest. */
  reopen(rules?: StoreRules): Promise<Store>;
}
