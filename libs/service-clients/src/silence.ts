import { MicError } from '@mic/domain';

/** Calls in a row without any answer after which a service counts as silent. */
const MOST_UNANSWERED = 20;
/** A silent service is asked this often, milliseconds. */
const ASK_EVERY_MS = 100;

/**
 * Notices a service that takes calls and answers none (frozen, or behind a network that drops everything), and spares
 * callers the wait: while it is silent one call at a time asks it, the others are refused at once. Any answer, an error
 * or a late one too, ends the silence. A service that is gone is another matter: its calls fail at once by themselves.
 */
export class Silence {
  readonly #service: string;
  readonly #clock: () => number;
  #unanswered = 0;
  #lastAskedAt = 0;

  constructor(service: string, clock: () => number = () => performance.now()) {
    this.#service = service;
    this.#clock = clock;
  }

  /** Before a call. @throws MicError UNAVAILABLE when the service is silent and is being asked already. */
  enter(): void {
    const now = this.#clock();
    if (this.#unanswered >= MOST_UNANSWERED && now - this.#lastAskedAt < ASK_EVERY_MS) {
      throw new MicError('UNAVAILABLE', `the ${this.#service} left the last ${this.#unanswered} calls unanswered`, {
        remedy: `see whether it hangs; it is asked again every ${ASK_EVERY_MS} ms`,
      });
    }
    this.#lastAskedAt = now;
  }

  answered(): void {
    this.#unanswered = 0;
  }

  unanswered(): void {
    this.#unanswered++;
  }
}
