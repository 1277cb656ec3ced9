import { setTimeout as sleep } from 'node:timers/promises';
import { AppendEventStreamRequest, EventServiceService } from '@mic/contracts';
import { MicError, type Interaction } from '@mic/domain';
import type { CallOptions, HistoryWriter } from '@mic/recall';
import { recallApi } from '@mic/recall-api';
import { afterEach, describe, expect, it } from 'vitest';
import { rejection, WAYS, type Caller, type CallerOptions, type CallSettings } from './callers';
import { ListItems, ScriptedRecall } from './harness';

/** Keeps calls open until it is told; stores nothing twice. */
class GatedHistory implements HistoryWriter {
  readonly calls: Interaction[][] = [];
  readonly stored = new Map<string, Interaction>();
  stopped = 0;
  /** Set to keep calls waiting. */
  gate: Promise<void> = Promise.resolve();
  /** The call that fails, from 0. */
  failing = -1;

  async appendEvents(events: readonly Interaction[], options?: CallOptions) {
    const call = this.calls.push([...events]) - 1;
    const onAbort = (): void => void this.stopped++;
    options?.signal.addEventListener('abort', onAbort);
    await this.gate;
    options?.signal.removeEventListener('abort', onAbort);
    if (call === this.failing) {
      throw new MicError('RESOURCE_EXHAUSTED', 'the store is full', { remedy: 'give the store more room' });
    }
    const before = this.stored.size;
    for (const event of events) this.stored.set(JSON.stringify([event.userId, event.itemId, event.timeMs]), event);
    const accepted = this.stored.size - before;
    return { accepted, duplicates: events.length - accepted, tooOld: 0 };
  }
}

describe.each(WAYS)('AppendEventStream %s', (_way, openCaller) => {
  let caller: Caller;
  let history: GatedHistory;
  afterEach(() => caller.close());
  async function open(options?: CallerOptions): Promise<void> {
    history = new GatedHistory();
    caller = await openCaller(
      recallApi({ recall: new ScriptedRecall(), history, items: new ListItems(), maxN: () => 10 }),
      options,
    );
  }
  type Events = { userId?: string; itemId?: string; timeMs?: number; weight?: number }[];
  const message = (events: Events) => AppendEventStreamRequest.fromPartial({ events });
  /** Message i of `events` events: times and items are of their own. */
  const numbered = (i: number, events = 1) =>
    message(Array.from({ length: events }, (_, j) => ({ userId: `u${i % 7}`, itemId: `i${i}-${j}`, timeMs: 1 + i })));
  const send = (
    messages: Iterable<AppendEventStreamRequest> | AsyncIterable<AppendEventStreamRequest>,
    settings?: CallSettings,
  ) => caller.stream(EventServiceService.appendEventStream, messages, settings);
  const shut = (): (() => void) => {
    let release = (): void => {};
    history.gate = new Promise((resolve) => (release = resolve));
    return release;
  };

  it('stores all messages in their order, in batches of at most 1,000 events, and counts', async () => {
    await open();
    const messages = Array.from({ length: 50 }, (_, i) => numbered(i, 1 + ((i * 37) % 300)));
    messages.push(messages[3]!, numbered(99, 1_000));
    const events = messages.flatMap((one) => one.events);
    const duplicates = messages[3]!.events.length;
    expect(await send(messages)).toEqual({ messages: 52, accepted: events.length - duplicates, duplicates, tooOld: 0 });
    expect(history.calls.flat()).toEqual(events.map((event) => ({ ...event, weight: 1 })));
    expect(Math.max(...history.calls.map((call) => call.length))).toBeLessThanOrEqual(1_000);
  });

  it('takes a stream without messages', async () => {
    await open();
    expect(await send([])).toEqual({ messages: 0, accepted: 0, duplicates: 0, tooOld: 0 });
    expect(history.calls).toEqual([]);
  });

  it('stores what came while the stream is open', async () => {
    await open();
    let go = (): void => {};
    const more = new Promise<void>((resolve) => (go = resolve));
    const answer = send(
      (async function* () {
        yield numbered(0);
        await more;
        yield numbered(1);
      })(),
    );
    await expect.poll(() => history.stored.size).toBe(1);
    go();
    expect(await answer).toMatchObject({ messages: 2, accepted: 2 });
  });

  const bad: [string, Events, string, string][] = [
    ['no event', [], 'messages[2].events', 'has 0 entries, 1 to 1,000 are allowed'],
    [
      '1,001 events',
      Array<Events[0]>(1_001).fill({ userId: 'u', itemId: 'i', timeMs: 1 }),
      'messages[2].events',
      '1,001',
    ],
    [
      'a bad time',
      [
        { userId: 'u', itemId: 'i', timeMs: 1 },
        { userId: 'u', itemId: 'i' },
      ],
      'messages[2].events[1].time_ms',
      'is 0',
    ],
  ];
  it.each(bad)('INVALID_ARGUMENT: %s; what was before stays', async (_name, events, field, text) => {
    await open();
    const release = shut();
    const answer = rejection(send([numbered(0, 2), numbered(1), message(events), numbered(3)]));
    await expect.poll(() => history.calls.length).toBe(1);
    release();
    const error = await answer;
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', subject: field });
    expect(error.message).toContain(`${field} ${text.startsWith('1,001') ? 'has 1,001' : text}`);
    expect(error.message).toContain('stored: the 2 messages before messages[2]');
    expect(history.stored.size).toBe(3);
  });

  it('says from where to go on when the store fails', async () => {
    await open();
    const release = shut();
    history.failing = 1;
    // The first is written alone; of the others as many as are 1,000 events at most go together.
    const answer = rejection(send([numbered(0), numbered(1, 600), numbered(2, 300), numbered(3, 300), numbered(4)]));
    await expect.poll(() => history.calls.length).toBe(1);
    release();
    expect(await answer).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      subject: 'messages[1]',
      message: expect.stringContaining('the store is full'),
      remedy: 'give the store more room; go on from messages[1]',
    });
    expect(history.stored.size).toBe(1);
  });

  it('takes no more from the sender than the store takes', async () => {
    await open();
    const release = shut();
    let sent = 0;
    const text = 'x'.repeat(200);
    const total = 3_000;
    const answer = send(
      (async function* () {
        for (; sent < total; sent++) {
          yield message(
            Array.from({ length: 100 }, (_, j) => ({ userId: 'u', itemId: `${text}${sent}-${j}`, timeMs: 1 })),
          );
        }
      })(),
    );
    await expect.poll(() => history.calls.length).toBe(1);
    let before = -1;
    while (sent !== before) {
      before = sent;
      await sleep(50);
    }
    // 2,000 events here, 16 messages in each of two stream buffers, and what HTTP/2 lets lie on the way.
    expect(sent).toBeLessThan(400);
    expect(history.calls.length).toBe(1);
    release();
    expect(await answer).toMatchObject({ messages: total, accepted: total * 100 });
  });

  it('RESOURCE_EXHAUSTED: a stream counts as a call', async () => {
    await open({ maxConcurrentCalls: 1 });
    const release = shut();
    const first = send([numbered(0)]);
    await expect.poll(() => history.calls.length).toBe(1);
    expect(await rejection(send([numbered(1)]))).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    release();
    await first;
    const code = (): Promise<string> =>
      send([numbered(2)]).then(
        () => 'OK',
        ({ code: of }: MicError) => of,
      );
    await expect.poll(code).toBe('OK');
  });

  const forever = async function* () {
    yield numbered(0);
    await new Promise(() => {});
  };

  it('CANCELLED: the store is told to stop', async () => {
    await open();
    shut();
    const abort = new AbortController();
    const answer = rejection(send(forever(), { signal: abort.signal }));
    await expect.poll(() => history.calls.length).toBe(1);
    abort.abort();
    expect((await answer).code).toBe('CANCELLED');
    await expect.poll(() => history.stopped).toBe(1);
  });

  it('DEADLINE_EXCEEDED: in time, where there is a deadline', async () => {
    await open();
    expect((await rejection(send(forever(), { deadlineMs: 100 }))).code).toBe('DEADLINE_EXCEEDED');
    expect(history.stored.size).toBe(1);
  });

  it('keeps what came before a stream broke', async () => {
    await open();
    const answer = rejection(
      send(
        (async function* () {
          yield numbered(0);
          await expect.poll(() => history.stored.size).toBe(1);
          throw new Error('the producer is gone');
        })(),
      ),
    );
    expect((await answer).code).toBe('CANCELLED');
    expect(history.stored.size).toBe(1);
    expect(await send([numbered(0), numbered(1)])).toEqual({ messages: 2, accepted: 1, duplicates: 1, tooOld: 0 });
  });

  it('UNAVAILABLE when the service stops: what it has taken is stored, and the answer says so', async () => {
    await open();
    const release = shut();
    const answer = rejection(
      send(
        (async function* () {
          yield numbered(0);
          yield numbered(1);
          await new Promise(() => {});
        })(),
      ),
    );
    await expect.poll(() => history.calls.length).toBe(1);
    caller.drain();
    release();
    const error = await answer;
    expect(error).toMatchObject({ code: 'UNAVAILABLE', remedy: expect.stringContaining('another stream') });
    expect(error.subject).toBe(`messages[${history.stored.size}]`);
    expect(error.message).toContain('stopping');
  });

  it('UNAVAILABLE when the stream is too old', async () => {
    await open({ maxStreamAgeMs: 100 });
    const error = await rejection(send(forever()));
    expect(error).toMatchObject({ code: 'UNAVAILABLE', subject: 'messages[1]' });
    expect(error.message).toContain('older than 100 ms');
    expect(history.stored.size).toBe(1);
  });

  it('INTERNAL, without its text, for a defect', async () => {
    await open();
    history.appendEvents = () => Promise.reject(new TypeError('secret'));
    expect(await rejection(send([numbered(0)]))).toMatchObject({ code: 'INTERNAL', message: 'internal error' });
  });
});
