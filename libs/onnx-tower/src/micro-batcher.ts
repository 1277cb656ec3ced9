import { MicError } from '@mic/domain';

interface Waiting<Request, Response> {
  readonly request: Request;
  readonly signal: AbortSignal;
  readonly resolve: (response: Response) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Runs requests that arrive in the same turn of the event loop as one batch: under load a model call serves many callers,
 * and a lone caller waits for no one. A request whose signal fires before its batch runs is left out of it.
 */
export class MicroBatcher<Request, Response> {
  readonly #run: (requests: readonly Request[]) => Promise<readonly Response[]>;
  readonly #largestBatch: number;
  #waiting: Waiting<Request, Response>[] = [];
  #scheduled = false;

  /** @param run answers all requests of a batch, in their order. */
  constructor(run: (requests: readonly Request[]) => Promise<readonly Response[]>, largestBatch: number) {
    this.#run = run;
    this.#largestBatch = largestBatch;
  }

  /** @throws MicError CANCELLED when the signal fires before the batch runs; otherwise what the batch throws. */
  submit(request: Request, signal: AbortSignal): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, signal, resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      setImmediate(() => void this.#flush());
    });
  }

  async #flush(): Promise<void> {
    this.#scheduled = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (let from = 0; from < waiting.length; from += this.#largestBatch) {
      // Signals may fire while an earlier batch runs.
      const live = waiting.slice(from, from + this.#largestBatch).filter(({ signal, reject }) => {
        if (signal.aborted) reject(new MicError('CANCELLED', 'cancelled before the model ran'));
        return !signal.aborted;
      });
      if (live.length > 0) await this.#runBatch(live);
    }
  }

  async #runBatch(batch: readonly Waiting<Request, Response>[]): Promise<void> {
    try {
      const responses = await this.#run(batch.map(({ request }) => request));
      batch.forEach(({ resolve }, i) => {
        resolve(responses[i]!);
      });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
