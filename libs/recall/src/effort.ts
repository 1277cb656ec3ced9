/**
 * How much a channel asks for when little time is left: a share of what the profile says, so that it answers with less instead
 * of not at all (ours). What was made smaller is noted.
 */
export class Effort {
  /** What was made smaller, as "ef 200 -> 80". */
  readonly shrunk: string[] = [];
  readonly #share: number;

  /** @param share of what the profile says, above 0 and at most 1. */
  constructor(share: number) {
    this.#share = share;
  }

  /**
   * @param timeLeftMs for the channel.
   * @param fullMs from which on it asks for all.
   * @param leastShare of what the profile says.
   */
  static within(timeLeftMs: number, fullMs: number, leastShare: number): Effort {
    return new Effort(Math.min(1, Math.max(leastShare, timeLeftMs / fullMs)));
  }

  /** So many of what the profile allows: at least `least`, and never more than `all`. */
  of(name: string, all: number, least = 1): number {
    const some = Math.min(all, Math.max(least, Math.ceil(all * this.#share)));
    if (some < all) this.shrunk.push(`${name} ${all} -> ${some}`);
    return some;
  }
}
