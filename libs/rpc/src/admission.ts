import { MicError } from '@mic/domain';
import type { CallCost } from './call-cost';

/** So many calls may always run: a cost that was high for once must not keep everybody out. */
const ALWAYS_ADMITTED = 4;
/** Share of a call's time that the others may take: beyond it the call is pressed. The rest is for the way, and for what waited unseen. */
const SHARE_FOR_OTHERS = 0.75;
/** Beyond so many times its time a call is refused: even a little work would come too late. */
const MOST_TIMES = 2;
/**
 * Share of a call's time that one turn of the event loop may take: beyond it the call is pressed. A call is carried on turn by
 * turn, and those that come meanwhile make the turns longer (by measurement: ADR 021).
 */
const SHARE_FOR_A_TURN = 1 / 40;

/** How busy an event loop is just now, milliseconds. */
export interface EventLoopLoad {
  /** How long things wait for it, as a peak. */
  recentMs(): number;
  /** How long it takes to go round, as a mean. */
  turnMs(): number;
}

/** What a process has to do. */
export interface AdmissionLoad {
  readonly cost: CallCost;
  readonly loop: EventLoopLoad;
}

const REMEDY = 'repeat with backoff, on another address; add replicas if it stays';

/**
 * Counts the calls that run, and refuses more than a limit: what waits in memory is bounded, and late anyway. With a load it
 * also says which calls are pressed: the others take so much of their time, or the event loop turns so slowly, that they cannot
 * do all their work. Of more calls than the machine can answer all would be late, where some can be answered in full and the rest
 * in part (ours). Where the loop is not full none is pressed for being slow: the calls that run, times their cost, are then less
 * than the time that one takes, and the turns are short.
 */
export class Admission {
  readonly #limit: number;
  readonly #load: AdmissionLoad | null;
  #running = 0;
  /** Streams stay open for long and mostly rest: they count as calls, and not as work. What they do shows in the event loop. */
  #streams = 0;

  /** @param load null: time is not looked at. */
  constructor(limit: number, load: AdmissionLoad | null = null) {
    this.#limit = limit;
    this.#load = load;
  }

  /**
   * @param leftMs time until the answer is due, milliseconds; below 0 where that has passed.
   * @param endsInMs time until it is too late: the caller's grace included, where it gives one.
   * @param isStream whether the call is a stream, which is never pressed.
   * @returns whether it is pressed.
   * @throws MicError RESOURCE_EXHAUSTED when the limit is reached, or those that run take far more than its time.
   */
  enter(leftMs = Infinity, endsInMs = leftMs, isStream = false): boolean {
    const all = this.#running + this.#streams;
    if (all >= this.#limit) {
      throw new MicError('RESOURCE_EXHAUSTED', `${all} calls run already`, { remedy: REMEDY });
    }
    if (isStream) {
      this.#streams++;
      return false;
    }
    if (this.#running === 0) this.#load?.cost.begin();
    const isPressed =
      this.#load !== null && this.#running >= ALWAYS_ADMITTED && this.#isPressed(leftMs, endsInMs, this.#load);
    this.#running++;
    return isPressed || leftMs <= 0;
  }

  /** @throws MicError RESOURCE_EXHAUSTED when those that run take far more than the call's time. */
  #isPressed(leftMs: number, endsInMs: number, { cost, loop }: AdmissionLoad): boolean {
    const othersMs = this.#running * cost.meanMs;
    // A call has waited so long before it was read, and its deadline does not know.
    const waitedMs = loop.recentMs();
    if (othersMs > MOST_TIMES * endsInMs) {
      const message = `${this.#running} calls run already and take ${Math.ceil(othersMs)} ms: too long for the ${Math.floor(endsInMs)} ms of this one`;
      throw new MicError('RESOURCE_EXHAUSTED', message, { remedy: REMEDY });
    }
    const ownMs = leftMs - waitedMs;
    return othersMs > SHARE_FOR_OTHERS * ownMs || loop.turnMs() > SHARE_FOR_A_TURN * ownMs;
  }

  /** @param wasPressed as `enter` said: what such a call costs is not what a call costs. */
  leave(wasPressed = false, isStream = false): void {
    if (isStream) {
      this.#streams--;
      return;
    }
    this.#running--;
    if (!wasPressed) this.#load?.cost.ended();
  }
}
