import { MicError } from '@mic/domain';
import type { CallCost } from './call-cost';

/** So many calls may always run: a cost that was high for once must not keep everybody out. */
const ALWAYS_ADMITTED = 4;
/** A call is begun where the others take at most this share of its time: it has waited unseen before it was read. */
const SHARE_FOR_OTHERS = 0.5;

const REMEDY = 'repeat with backoff, on another address; add replicas if it stays';

/**
 * Counts the calls that run, and refuses more than a limit: what waits in memory is bounded, and late anyway. With a cost it
 * also refuses what cannot be answered in time, before it is begun: of more calls than the machine can answer all would be
 * late, where some can be in time (ours). Where the loop is not full, the calls that run, times their cost, are always less
 * than the time that one takes: nothing is refused for being slow.
 */
export class Admission {
  readonly #limit: number;
  readonly #cost: CallCost | null;
  #running = 0;

  /** @param cost of a call; null: time is not looked at. */
  constructor(limit: number, cost: CallCost | null = null) {
    this.#limit = limit;
    this.#cost = cost;
  }

  /**
   * @param leftMs time that the call has, milliseconds.
   * @throws MicError RESOURCE_EXHAUSTED when the limit is reached, or those that run take too much of the time.
   */
  enter(leftMs = Infinity): void {
    if (this.#running >= this.#limit) {
      throw new MicError('RESOURCE_EXHAUSTED', `${this.#running} calls run already`, { remedy: REMEDY });
    }
    if (this.#cost && this.#running >= ALWAYS_ADMITTED) {
      const othersMs = this.#running * this.#cost.meanMs;
      if (othersMs > SHARE_FOR_OTHERS * leftMs) {
        const message = `${this.#running} calls run already and take ${Math.ceil(othersMs)} ms: too long for a deadline of ${Math.floor(leftMs)} ms`;
        throw new MicError('RESOURCE_EXHAUSTED', message, { remedy: REMEDY });
      }
    }
    if (this.#running === 0) this.#cost?.begin();
    this.#running++;
  }

  leave(): void {
    this.#running--;
    this.#cost?.ended();
  }
}
