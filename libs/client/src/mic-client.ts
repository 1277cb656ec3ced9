import { randomUUID } from 'node:crypto';
import { EventServiceClient, ItemServiceClient, RecallServiceClient } from '@mic/contracts';
import { MicError } from '@mic/domain';
import { clientBeside, createClient, duplexStream, unary, type UnaryOptions } from '@mic/rpc';
import { callErrorOf, callErrorOfResult, refused } from './call-error';
import { fromWireResponse } from './from-wire';
import { recallAll } from './recall-all';
import { repeatedly } from './repeat';
import type { CallOptions, Event, Item, RecallRequest } from './requests';
import type { AppendResult, ItemsChange, RecallAnswer, RecallResponse } from './responses';
import { toWireEvents, toWireItems, toWireRequest } from './to-wire';

/** Time allowed for a call that names none, milliseconds. */
export interface Deadlines {
  /** 500 by default. */
  readonly recall: number;
  /** 5,000 by default. */
  readonly batchRecall: number;
  /** Of appendEvents, upsertItems and removeItems, repetitions included: 5,000 by default. */
  readonly write: number;
}

export interface MicClientOptions {
  readonly deadlinesMs?: Partial<Deadlines>;
  /**
   * How long after its deadline a call still waits, milliseconds, 1 to 3,600,000; 8 by default. `recallAll` has no deadline. The
   * services keep to the deadline all the same: what a pause of theirs or of this process holds up (the collector of garbage, no
   * core) comes a little late where the call waits for it, and is lost where it does not.
   */
  readonly graceMs?: number;
  /**
   * Repeat recall and batchRecall, too, while the answer is UNAVAILABLE. Off by default: a request that is worth half a second
   * is often answered better by something else than by the next attempt.
   */
  readonly retryReads?: boolean;
}

const DEADLINES_MS: Deadlines = { recall: 500, batchRecall: 5_000, write: 5_000 };
/** The default of MicClientOptions.graceMs: an answer that was on its way is worth more than nothing, and is 10 ms late at most. */
export const GRACE_MS = 8;
const LONGEST_GRACE_MS = 3_600_000;
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/**
 * A client of the public API for a backend: one for the whole process, used by as many callers at a time as there are. It
 * connects by itself, again and again, and spreads its calls over all addresses that answer; it keeps no other state.
 *
 * Every call has a deadline, which the services keep: `recall` answers with what was found in time, and says what is missing
 * (`degraded`, `channels`). Every failed call rejects with MicCallError.
 *
 *     const mic = MicClient.connect('10.0.0.1:7070,10.0.0.2:7070');
 *     const { items } = await mic.recall({ userId: '42', n: 20 }, { deadlineMs: 80 });
 *     await mic.appendEvents([{ userId: '42', itemId: items[0].itemId, time: new Date() }]);
 *     mic.close();
 */
export class MicClient {
  readonly #recall: RecallServiceClient;
  readonly #events: EventServiceClient;
  readonly #items: ItemServiceClient;
  readonly #deadlinesMs: Deadlines;
  readonly #graceMs: number;
  readonly #retryReads: boolean;
  #isClosed = false;

  private constructor(target: string, { deadlinesMs = {}, graceMs = GRACE_MS, retryReads = false }: MicClientOptions) {
    for (const [name, ms] of Object.entries(deadlinesMs)) checkDeadline(`deadlinesMs.${name}`, ms);
    if (!(graceMs >= 1 && graceMs <= LONGEST_GRACE_MS)) {
      throw refused('graceMs', `is ${graceMs}`, 'give milliseconds, 1 to 3,600,000');
    }
    this.#recall = createClient(RecallServiceClient, target);
    this.#events = clientBeside(EventServiceClient, this.#recall);
    this.#items = clientBeside(ItemServiceClient, this.#recall);
    this.#deadlinesMs = { ...DEADLINES_MS, ...deadlinesMs };
    this.#graceMs = graceMs;
    this.#retryReads = retryReads;
  }

  /**
   * Begins to connect, and does not wait for it: the first calls do, within their deadlines.
   * @param addresses `host:port`, several numeric ones as a list or separated by commas, or `dns:///name:port`, whose
   * addresses are all used (a headless Service of Kubernetes).
   * @throws MicCallError INVALID_ARGUMENT for anything else.
   */
  static connect(addresses: string | readonly string[], options: MicClientOptions = {}): MicClient {
    try {
      return new MicClient(typeof addresses === 'string' ? addresses : addresses.join(','), options);
    } catch (error) {
      throw callErrorOf(error);
    }
  }

  /**
   * The best items for one user.
   * @throws MicCallError: see RecallService.Recall in proto/mic/recall/v1 for its codes. The answer to what was
   * found in time may come up to `graceMs` after the deadline, as may the word that there is none; later where this process was
   * held up itself, for what has arrived meanwhile is read first.
   */
  recall(request: RecallRequest, options: CallOptions = {}): Promise<RecallResponse> {
    return this.#call(options, this.#deadlinesMs.recall, this.#retryReads, () => {
      const wire = toWireRequest(request);
      return async (call) => fromWireResponse(await unary(this.#recall, 'recall', wire, call));
    });
  }

  /**
   * The same for 1 to 100 users in one call and under one deadline. One user's failure is that user's answer.
   * @returns an answer for each request, in the same order.
   * @throws MicCallError, of the whole call, also when one request is wrong (its subject is as requests[3].n).
   */
  batchRecall(requests: readonly RecallRequest[], options: CallOptions = {}): Promise<RecallAnswer[]> {
    return this.#call(options, this.#deadlinesMs.batchRecall, this.#retryReads, () => {
      const wire = {
        requests: requests.map((request, index) => inList(`requests[${index}]`, () => toWireRequest(request))),
      };
      return async (call) => {
        const { results } = await unary(this.#recall, 'batchRecall', wire, call);
        return results.map(({ response, error }, index): RecallAnswer => {
          const request = requests[index]!;
          if (response) return { request, response: fromWireResponse(response) };
          return { request, error: callErrorOfResult(error!, `${call.requestId}/${index}`) };
        });
      };
    });
  }

  /**
   * The same for as many users as there are, for offline work: requests are read from their source as answers are taken, a few
   * ahead. A stream that is cut, or that the service ends because it is 5 minutes old or stops, is followed by another behind
   * the last answer. Leaving the loop ends it.
   *
   *     for await (const { request, response, error } of mic.recallAll(users())) ...
   *
   * @param options without `deadlineMs` it may take as long as it takes.
   * @returns an answer for each request, in the same order; one that is wrong or fails has its error as answer.
   * @throws MicCallError when no stream comes about any more, 8 in a row (about 8 s); what `requests` throws.
   */
  async *recallAll(
    requests: Iterable<RecallRequest> | AsyncIterable<RecallRequest>,
    options: CallOptions = {},
  ): AsyncGenerator<RecallAnswer, void, undefined> {
    const { deadlineMs, signal, requestId } = this.#checked(options);
    yield* recallAll((sent, stream) => duplexStream(this.#recall, 'recallStream', sent, stream), requests, {
      deadlineMs,
      signal,
      requestId,
    });
  }

  /**
   * Adds 1 to 1,000 events to the users' histories; the next recall of those users sees them. Repeated by itself while the
   * answer is UNAVAILABLE, at most three times within the deadline: the same event twice is one.
   * @throws MicCallError: see EventService.AppendEvents in proto/mic/event/v1. After DEADLINE_EXCEEDED, CANCELLED and
   * UNAVAILABLE the events may or may not be stored; call again.
   */
  appendEvents(events: readonly Event[], options: CallOptions = {}): Promise<AppendResult> {
    return this.#call(options, this.#deadlinesMs.write, true, () => {
      const wire = toWireEvents(events);
      return (call) => unary(this.#events, 'appendEvents', wire, call);
    });
  }

  /**
   * Makes 1 to 1,000 items retrievable that the release does not know, within a second on every replica; one that was removed
   * is back. Repeated as appendEvents.
   * @throws MicCallError: see ItemService.UpsertItems in proto/mic/item/v1.
   */
  upsertItems(items: readonly Item[], options: CallOptions = {}): Promise<ItemsChange> {
    return this.#call(options, this.#deadlinesMs.write, true, () => {
      const wire = toWireItems(items);
      return (call) => unary(this.#items, 'upsertItems', wire, call);
    });
  }

  /**
   * Hides 1 to 1,000 items in all channels, within a second on every replica, until they are upserted. Repeated as appendEvents.
   * @throws MicCallError: see ItemService.RemoveItems in proto/mic/item/v1.
   */
  removeItems(itemIds: readonly string[], options: CallOptions = {}): Promise<ItemsChange> {
    return this.#call(options, this.#deadlinesMs.write, true, () => {
      const wire = { itemIds: [...itemIds] };
      return (call) => unary(this.#items, 'removeItems', wire, call);
    });
  }

  /** Lets the connections go when the calls that run have ended; later calls are refused. */
  close(): void {
    this.#isClosed = true;
    this.#recall.close();
  }

  /** @param prepare makes the message, and gives what sends it. */
  async #call<T>(
    options: CallOptions,
    defaultMs: number,
    isRepeated: boolean,
    prepare: () => (call: UnaryOptions) => Promise<T>,
  ): Promise<T> {
    const { deadlineMs = defaultMs, signal, requestId } = this.#checked(options);
    try {
      const send = prepare();
      const attempt = (leftMs: number): Promise<T> =>
        send({ deadlineMs: leftMs, graceMs: this.#graceMs, requestId, signal });
      return await (isRepeated ? repeatedly(attempt, deadlineMs, signal) : attempt(deadlineMs));
    } catch (error) {
      throw callErrorOf(error, requestId);
    }
  }

  #checked({ deadlineMs, signal, requestId = randomUUID() }: CallOptions) {
    try {
      if (this.#isClosed) {
        throw new MicError('FAILED_PRECONDITION', 'the client is closed', { remedy: 'connect another one' });
      }
      if (deadlineMs !== undefined) checkDeadline('deadlineMs', deadlineMs);
      if (!REQUEST_ID.test(requestId)) {
        throw refused('requestId', 'is no request id', 'give 1 to 128 printable ASCII characters without spaces');
      }
    } catch (error) {
      throw callErrorOf(error);
    }
    return { deadlineMs, signal, requestId };
  }
}

function checkDeadline(subject: string, ms: number): void {
  if (!(ms > 0 && ms < Infinity)) throw refused(subject, `is ${ms}`, 'give milliseconds above 0');
}

/** Puts the place of an entry before the field that its check names. */
function inList<T>(place: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof MicError) || error.subject === undefined) throw error;
    const subject = `${place}.${error.subject}`;
    throw new MicError(error.code, `${place}.${error.message}`, { subject, remedy: error.remedy });
  }
}
