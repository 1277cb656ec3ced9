import { RecallRequest as WireRequest, type RecallStreamRequest } from '@mic/contracts';
import { toMicError, type MicError } from '@mic/domain';
import type { RecallRequest } from './requests';
import { toWireRequest } from './to-wire';

/** Requests that are read before the answers to those before have come: few, so that a new stream repeats little. */
const MAX_AHEAD = 32;

/** One request that waits for its answer. */
export interface PendingRequest {
  readonly request: RecallRequest;
  readonly wire: WireRequest;
  /** Why it cannot be sent; an empty one, which is refused, keeps its place. */
  readonly error: MicError | undefined;
}

/** Requests from their source to their answers, over as many streams as it takes: what was not answered is sent again. */
export class PendingRequests {
  readonly #source: AsyncIterator<RecallRequest>;
  readonly #pending: PendingRequest[] = [];
  #answered = 0;
  #isOver = false;
  #isBroken = false;
  #reading: Promise<void> | null = null;
  readonly #waiting: (() => void)[] = [];

  constructor(requests: Iterable<RecallRequest> | AsyncIterable<RecallRequest>) {
    this.#source = (async function* () {
      yield* requests;
    })();
  }

  /** True when everything has its answer. */
  get isDone(): boolean {
    return this.#isOver && this.#pending.length === 0;
  }

  /** True when the source threw. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** The request whose answer has come; undefined when none was waiting. */
  take(): PendingRequest | undefined {
    const first = this.#pending.shift();
    if (first) this.#answered++;
    this.#giveRoom();
    return first;
  }

  /** What one stream sends: all that is not answered, then what the source gives. @throws what the source throws. */
  async *send(): AsyncGenerator<RecallStreamRequest, void, undefined> {
    for (let at = this.#answered; ; at++) {
      while (at >= this.#answered + this.#pending.length) {
        if (this.#isOver) return;
        if (this.#pending.length >= MAX_AHEAD) await new Promise<void>((resolve) => this.#waiting.push(resolve));
        else await (this.#reading ??= this.#read());
      }
      const next = this.#pending[at - this.#answered];
      if (next === undefined) return; // another stream has taken over
      yield { request: next.wire };
    }
  }

  /** Lets the source go. */
  close(): void {
    this.#isOver = true;
    this.#giveRoom();
    void this.#source.return?.().catch(() => undefined);
  }

  async #read(): Promise<void> {
    try {
      const { done, value } = await this.#source.next();
      if (done === true) this.#isOver = true;
      else this.#pending.push(pendingOf(value));
      this.#reading = null;
    } catch (error) {
      this.#isBroken = true;
      throw error;
    }
  }

  #giveRoom(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

function pendingOf(request: RecallRequest): PendingRequest {
  try {
    return { request, wire: toWireRequest(request), error: undefined };
  } catch (error) {
    return { request, wire: WireRequest.create(), error: toMicError(error) };
  }
}
