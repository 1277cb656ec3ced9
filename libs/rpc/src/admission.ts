import { MicError } from '@mic/domain';

/** Counts the calls that run, and refuses more than a limit: what waits in memory is bounded, and late anyway. */
export class Admission {
  readonly #limit: number;
  #running = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @throws MicError RESOURCE_EXHAUSTED when the limit is reached. */
  enter(): void {
    if (this.#running >= this.#limit) {
      throw new MicError('RESOURCE_EXHAUSTED', `${this.#running} calls run already`, {
        remedy: 'repeat with backoff, on another address; add replicas if it stays',
      });
    }
    this.#running++;
  }

  leave(): void {
    this.#running--;
  }
}
