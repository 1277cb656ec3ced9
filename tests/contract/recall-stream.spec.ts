import { setTimeout as sleep } from 'node:timers/promises';
import { RecallServiceService, RecallStreamRequest, type RecallStreamResponse } from '@mic/contracts';
import type { MicError } from '@mic/domain';
import { recallApi } from '@mic/recall-api';
import { afterEach, describe, expect, it } from 'vitest';
import { WAYS, type Caller, type CallerOptions, type CallSettings } from './callers';
import { ListHistory, ListItems, MAX_N, ScriptedRecall } from './harness';

type Wanted = NonNullable<Parameters<typeof RecallStreamRequest.fromPartial>[0]['request']>;
type Requests = AsyncIterable<RecallStreamRequest> | Iterable<RecallStreamRequest>;

const message = (request: Wanted) => RecallStreamRequest.fromPartial({ request });
const users = (count: number) => Array.from({ length: count }, (_, i) => message({ userId: `user-${i}` }));
async function* thenSilence(...messages: RecallStreamRequest[]): AsyncGenerator<RecallStreamRequest> {
  yield* messages;
  await new Promise(() => {});
}

/** One answer as the user's id, or as its error's code and subject. */
const inShort = ({ result }: RecallStreamResponse): string =>
  result!.response?.userId ?? `${result!.error!.code} ${result!.error!.subject}`;

async function all(answers: AsyncIterable<RecallStreamResponse>): Promise<{ came: string[]; error?: MicError }> {
  const came: string[] = [];
  try {
    for await (const answer of answers) came.push(inShort(answer));
    return { came };
  } catch (error) {
    return { came, error: error as MicError };
  }
}

describe.each(WAYS)('RecallStream %s', (way, openCaller) => {
  let caller: Caller;
  let recall: ScriptedRecall;
  afterEach(() => caller.close());
  async function open(options?: CallerOptions): Promise<void> {
    recall = new ScriptedRecall();
    caller = await openCaller(
      recallApi({ recall, history: new ListHistory(), items: new ListItems(), maxN: () => MAX_N }),
      options,
    );
  }
  const send = (requests: Requests, settings?: CallSettings) =>
    caller.duplex(RecallServiceService.recallStream, requests, settings);

  it('answers each request in its place, with an id of its own', async () => {
    await open();
    const ids: string[] = [];
    const came: string[] = [];
    for await (const answer of send(users(200), { requestId: 'nightly' })) {
      came.push(inShort(answer));
      ids.push(answer.result!.response!.requestId);
    }
    expect(came).toEqual(Array.from({ length: 200 }, (_, i) => `user-${i}`));
    expect([ids[0], ids[199]]).toEqual(['nightly/0', 'nightly/199']);
    expect(recall.deadlinesMs.every((leftMs) => leftMs === Infinity)).toBe(true);
  });

  it('takes a stream without requests', async () => {
    await open();
    expect(await all(send([]))).toEqual({ came: [] });
    expect(recall.requests).toEqual([]);
  });

  it('keeps the order when the first is the slowest, and runs 8 at a time', async () => {
    await open();
    const answers = all(send([message({ userId: 'wait' }), ...users(20)]));
    await recall.waiting;
    await expect.poll(() => recall.requests.length).toBe(8);
    await sleep(50);
    expect(recall.requests.length).toBe(8);
    recall.release();
    expect((await answers).came).toEqual(['wait', ...Array.from({ length: 20 }, (_, i) => `user-${i}`)]);

    const waiting = all(
      send(
        Array.from({ length: 20 }, () => message({ userId: 'hang' })),
        { deadlineMs: 300 },
      ),
    );
    await expect.poll(() => recall.running).toBe(8);
    expect((await waiting).error!.code).toBe('DEADLINE_EXCEEDED');
    expect(recall.mostRunning).toBe(8);
    await expect.poll(() => recall.running).toBe(0);
  });

  it('answers while requests still come', async () => {
    await open();
    const answers = send(thenSilence(...users(2)));
    expect(inShort((await answers.next()).value!)).toBe('user-0');
    expect(inShort((await answers.next()).value!)).toBe('user-1');
    await answers.return();
  });

  it('goes on behind a request that is wrong or fails', async () => {
    await open();
    const { came, error } = await all(
      send([
        message({ userId: 'a' }),
        message({ userId: 'b', n: MAX_N + 1 }),
        RecallStreamRequest.create(),
        message({ userId: '!release' }),
        message({ userId: '!shed' }),
        message({ userId: '!defect' }),
        message({ userId: 'c', inlineHistory: [{ itemId: 'i', timeMs: 0 }] }),
        message({ userId: 'd' }),
      ]),
    );
    expect(error).toBeUndefined();
    expect(came).toEqual([
      'a',
      'INVALID_ARGUMENT messages[1].n',
      'INVALID_ARGUMENT messages[2].user_id',
      'FAILED_PRECONDITION messages[3].release_id',
      'RESOURCE_EXHAUSTED ',
      'INTERNAL ',
      'INVALID_ARGUMENT messages[6].inline_history[0].time_ms',
      'd',
    ]);
  });

  it('says what is wrong with a request and what to do, and hides a defect', async () => {
    await open();
    const errors = [];
    for await (const { result } of send([message({ userId: 'a', n: 0 }), message({ userId: '!defect' })])) {
      errors.push(result!.error);
    }
    expect(errors).toEqual([
      {
        code: 'INVALID_ARGUMENT',
        message: 'messages[0].n is 0, 1 to 50 is allowed',
        remedy: 'give a number of 1 to 50',
        subject: 'messages[0].n',
      },
      { code: 'INTERNAL', message: 'internal error', remedy: 'report it with the request id', subject: '' },
    ]);
  });

  it('is held back by a slow reader, and holds back the sender', async () => {
    await open();
    const original = recall.recall.bind(recall);
    recall.recall = async (request, deadlineMs, signal) => {
      const result = await original(request, deadlineMs, signal);
      return { ...result, items: Array<(typeof result.items)[number]>(100).fill(result.items[0]!) };
    };
    let sent = 0;
    const excludeItemIds = Array.from({ length: 50 }, () => 'x'.repeat(200));
    const answers = send(
      (async function* () {
        for (; sent < 2_000; sent++) yield message({ userId: `user-${sent}`, excludeItemIds });
      })(),
    );
    await answers.next();
    let before = -1;
    while (sent !== before) {
      before = sent;
      await sleep(50);
    }
    // 8 here, 16 in the reader's buffer, and what HTTP/2 lets lie on the way: 1 MiB of about 10 KiB each.
    expect(recall.requests.length).toBeLessThan(200);
    // The same, 16 requests in each of two stream buffers, and what HTTP/2 lets lie on the way of 10 KiB each.
    expect(sent).toBeLessThan(300);
    const { came, error } = await all(answers);
    expect(error).toBeUndefined();
    expect(came.length).toBe(1_999);
    expect(came.at(-1)).toBe('user-1999');
  });

  it('CANCELLED: the work is told to stop, by a signal or by leaving the loop', async () => {
    await open();
    const abort = new AbortController();
    const answers = all(send(thenSilence(message({ userId: 'hang' })), { signal: abort.signal }));
    await recall.waiting;
    abort.abort();
    expect((await answers).error!.code).toBe('CANCELLED');
    await expect.poll(() => recall.aborted).toBe(1);

    for await (const answer of send(thenSilence(...users(1), message({ userId: 'hang' })))) {
      expect(inShort(answer)).toBe('user-0');
      await expect.poll(() => recall.running).toBe(1);
      break;
    }
    await expect.poll(() => recall.aborted).toBe(2);
  });

  it('DEADLINE_EXCEEDED: of the whole stream, behind what came in time', async () => {
    await open();
    const { came, error } = await all(send(thenSilence(...users(3)), { deadlineMs: 1_000 }));
    expect(came).toEqual(['user-0', 'user-1', 'user-2']);
    expect(error!.code).toBe('DEADLINE_EXCEEDED');
    expect(recall.deadlinesMs.every((leftMs) => leftMs > 0 && leftMs <= 1_000)).toBe(true);
  });

  it('UNAVAILABLE when the service stops, behind the results of what it has taken', async () => {
    await open();
    const answers = all(send(thenSilence(message({ userId: 'wait' }), ...users(2))));
    await recall.waiting;
    await expect.poll(() => recall.requests.length).toBe(3);
    caller.drain();
    recall.release();
    const { came, error } = await answers;
    expect(came).toEqual(['wait', 'user-0', 'user-1']);
    expect(error).toMatchObject({ code: 'UNAVAILABLE', remedy: expect.stringContaining('another stream') });
    expect(error!.message).toContain('stopping');
  });

  it('UNAVAILABLE when the stream is too old', async () => {
    await open({ maxStreamAgeMs: 300 });
    const { came, error } = await all(send(thenSilence(...users(2))));
    expect(came).toEqual(['user-0', 'user-1']);
    expect(error).toMatchObject({ code: 'UNAVAILABLE', message: 'the stream is older than 300 ms' });
  });

  it('RESOURCE_EXHAUSTED: a stream counts as a call', async () => {
    await open({ maxConcurrentCalls: 1 });
    const first = all(send([message({ userId: 'wait' })]));
    await recall.waiting;
    expect((await all(send(users(1)))).error).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    recall.release();
    expect((await first).came).toEqual(['wait']);
    await expect.poll(async () => (await all(send(users(1)))).came).toEqual(['user-0']);
  });

  it('RESOURCE_EXHAUSTED for a result above 4 MiB', async () => {
    await open();
    const original = recall.recall.bind(recall);
    recall.recall = async (request, deadlineMs, signal) => {
      const result = await original(request, deadlineMs, signal);
      return { ...result, items: Array<(typeof result.items)[number]>(100_000).fill(result.items[0]!) };
    };
    const { error } = await all(send(users(1)));
    expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', message: expect.stringMatching(/the answer has \d+/) });
  });

  // What a message may weigh is checked where it is received.
  if (way === 'over the wire')
    it('RESOURCE_EXHAUSTED for a request above 4 MiB', async () => {
      await open();
      const { error } = await all(send([message({ userId: 'u'.repeat(5 * 1024 * 1024) })]));
      expect(error!.code).toBe('RESOURCE_EXHAUSTED');
    });
});
