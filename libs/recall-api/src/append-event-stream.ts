import type { AppendEventStreamRequest, AppendEventStreamResponse } from '@mic/contracts';
import { MicError, type Interaction } from '@mic/domain';
import type { HistoryWriter } from '@mic/recall';
import type { CallContext } from '@mic/rpc';
import { MAX_EVENTS_PER_CALL, toInteractions, within } from '@mic/wire';
import { STORE_TIMEOUT_MS } from './limits';

/**
 * Stores the events of a stream in the order of its messages, in batches of whole messages: one is written while the next
 * is put together, and no more is taken from the stream.
 * @throws MicError that names the first message that is not stored, as its subject or the beginning of it.
 */
export async function appendEventStream(
  history: HistoryWriter,
  requests: AsyncIterable<AppendEventStreamRequest>,
  context: CallContext,
): Promise<AppendEventStreamResponse> {
  const appender = new Appender(history, context);
  try {
    for await (const request of requests) {
      const events = within(`messages[${appender.taken}]`, () => toInteractions(request));
      await appender.add(events);
    }
    await appender.end();
  } catch (error) {
    await appender.end().catch(() => undefined);
    throw told(error, appender.stored);
  }
  return { messages: appender.stored, ...appender.total };
}

class Appender {
  readonly total = { accepted: 0, duplicates: 0, tooOld: 0 };
  /** Messages taken, and stored. */
  taken = 0;
  stored = 0;
  readonly #history: HistoryWriter;
  readonly #context: CallContext;
  #events: Interaction[] = [];
  #messages = 0;
  #write: Promise<void> | null = null;
  #failure: { readonly error: unknown } | null = null;

  constructor(history: HistoryWriter, context: CallContext) {
    this.#history = history;
    this.#context = context;
  }

  /** Resolves when there is room for more. @throws what a write threw. */
  async add(events: readonly Interaction[]): Promise<void> {
    if (this.#events.length + events.length > MAX_EVENTS_PER_CALL) await this.#write;
    if (this.#failure) throw this.#failure.error;
    this.#events.push(...events);
    this.#messages++;
    this.taken++;
    if (this.#write === null) this.#next();
  }

  /** Writes what is left. @throws what a write threw. */
  async end(): Promise<void> {
    while (this.#write) await this.#write;
    if (this.#failure) throw this.#failure.error;
  }

  /** Begins to write what was put together; the write after it begins by itself. */
  #next(): void {
    const [events, messages] = [this.#events, this.#messages];
    this.#write = null;
    if (events.length === 0 || this.#failure || this.#context.signal.aborted) return;
    [this.#events, this.#messages] = [[], 0];
    this.#write = this.#append(events, messages).then(() => {
      this.#next();
    });
  }

  async #append(events: readonly Interaction[], messages: number): Promise<void> {
    const { signal, requestId, deadlineLeftMs } = this.#context;
    try {
      const timeoutMs = Math.min(deadlineLeftMs(), STORE_TIMEOUT_MS);
      const { accepted, duplicates, tooOld } = await this.#history.appendEvents(events, {
        signal,
        requestId,
        timeoutMs,
      });
      this.total.accepted += accepted;
      this.total.duplicates += duplicates;
      this.total.tooOld += tooOld;
      this.stored += messages;
    } catch (error) {
      this.#failure = { error };
    }
  }
}

function told(error: unknown, stored: number): unknown {
  if (!(error instanceof MicError)) return error;
  const next = `messages[${stored}]`;
  const subject = error.subject?.startsWith(next) ? error.subject : next;
  const remedy = error.remedy === undefined ? `go on from ${next}` : `${error.remedy}; go on from ${next}`;
  const message = `${error.message} (stored: the ${stored} messages before ${next})`;
  return new MicError(error.code, message, { subject, remedy, cause: error });
}
