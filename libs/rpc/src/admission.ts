import { MicError } from '@mic/domain';
import type { CallCost } from './call-cost';

/** So many calls may always run: a cost that was high for once must not keep everybody out. */
const ALWAYS_ADMITTED = 4;
/** Share of a call's time that the others may take: beyond it the call is pressed. The rest is for the way, and for what waited unseen. */
const SHARE_FOR_OTHERS = 0.75;
/** Beyond so many times its time a call is refused: even a little work would come too late. */
const MOST_TIMES = 2;

const REMEDY = 'repeat with backoff, on another address; add replicas if it stays';

/**
 * Counts the calls that run, and refuses more than a limit: what waits in memory is bounded, and late anyway. With a cost it
 * also says which calls are pressed: the others take so much of their time that they cannot do all their work. Of more calls than
 * the machine can answer all would be late, where some can be answered in full and the rest in part (ours). Where the loop is
 * not full, the calls that run, times their cost, are less than the time that one takes: none is pressed for being slow.
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
   * @returns whether it is pressed.
   * @throws MicError RESOURCE_EXHAUSTED when the limit is reached, or those that run take far more than its time.
   */
  enter(leftMs = Infinity): boolean {
    if (this.#running >= this.#limit) {
      throw new MicError('RESOURCE_EXHAUSTED', `${this.#running} calls run already`, { remedy: REMEDY });
    }
    const isCrowded = this.#cost !== null && this.#running >= ALWAYS_ADMITTED;
    const othersMs = isCrowded ? this.#running * this.#cost!.meanMs : 0;
    if (othersMs > MOST_TIMES * leftMs) {
      const message = `${this.#running} calls run already and take ${Math.ceil(othersMs)} ms: too long for a deadline of ${Math.floor(leftMs)} ms`;
      throw new MicError('RESOURCE_EXHAUSTED', message, { remedy: REMEDY });
    }
    if (this.#running === 0) this.#cost?.begin();
    this.#running++;
    return othersMs > SHARE_FOR_OTHERS * leftMs;
  }

  /** @param wasPressed as `enter` said: what such a call costs is not what a call costs. */
  leave(wasPressed = false): void {
    this.#running--;
    if (!wasPressed) this.#cost?.ended();
  }
}
