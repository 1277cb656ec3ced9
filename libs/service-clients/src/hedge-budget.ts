/** In tenths of a hedge, so that sums are exact. */
const EARNED_BY_CALL = 1;
const HEDGE_COSTS = 10;
const MOST_SAVED = 100;

/**
 * How many calls of an RPC may be made once more: of all calls a tenth at most, and after quiet times ten in a row. So a
 * service whose every call is slow gets a tenth more of them, and not twice as many.
 */
export class HedgeBudget {
  #saved = 0;

  /** Notes a call. */
  earn(): void {
    this.#saved = Math.min(MOST_SAVED, this.#saved + EARNED_BY_CALL);
  }

  /** Takes what one hedge costs. @returns false when it is not there. */
  take(): boolean {
    if (this.#saved < HEDGE_COSTS) return false;
    this.#saved -= HEDGE_COSTS;
    return true;
  }
}
