import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  RecallServiceClient,
  RecallServiceService,
  RecallStreamRequest,
  RecallStreamResponse,
  type BatchRecallResult,
} from '@mic/contracts';
import { MicError } from '@mic/domain';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { clientBeside, createClient } from './client';
import type { ClientStreamOptions } from './client-stream';
import { duplexStream } from './duplex-stream';
import { startServer, type RunningServer, type ServerOptions } from './server';
import { serviceHandlers, type CallContext } from './service-handlers';

let server: RunningServer;
let client: RecallServiceClient;
let lines: Record<string, unknown>[];
afterEach(async () => {
  client.close();
  await server.stop();
});

/** A server that answers each request by what `answer` gives: a user id. */
async function serve(
  answer: (userId: string, index: number, context: CallContext) => string | Promise<string>,
  options: Partial<ServerOptions> = {},
): Promise<void> {
  const handlers = serviceHandlers(RecallServiceService, {
    recall: () => Promise.reject(new MicError('UNIMPLEMENTED', 'not here')),
    batchRecall: () => Promise.reject(new MicError('UNIMPLEMENTED', 'not here')),
    async *recallStream(requests, context) {
      let index = 0;
      for await (const { request } of requests) yield result(await answer(request!.userId, index++, context));
    },
  });
  lines = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
      done();
    },
  });
  const logger = pino({ level: 'debug' }, sink);
  server = await startServer({
    address: '127.0.0.1:0',
    services: [handlers],
    logger,
    drainTimeoutMs: 500,
    ...options,
  });
  client = createClient(RecallServiceClient, server.address);
}

const result = (userId: string): RecallStreamResponse =>
  RecallStreamResponse.fromPartial({ result: { response: { userId } } });
const userOf = ({ result: one }: { result?: BatchRecallResult }): string => one!.response!.userId;

function* users(count: number, asked: number[] = []): Generator<RecallStreamRequest> {
  for (let i = 0; i < count; i++) {
    asked.push(i);
    yield RecallStreamRequest.fromPartial({ request: { userId: `u${i}` } });
  }
}

const open = (
  requests: Iterable<RecallStreamRequest> | AsyncIterable<RecallStreamRequest>,
  options?: ClientStreamOptions,
) => duplexStream(client, 'recallStream', requests, options);

/** What came, and the error behind it. */
async function all(answers: AsyncIterable<RecallStreamResponse>): Promise<{ came: string[]; error?: MicError }> {
  const came: string[] = [];
  try {
    for await (const answer of answers) came.push(userOf(answer));
    return { came };
  } catch (error) {
    return { came, error: error as MicError };
  }
}

describe('a stream in both directions', () => {
  it('gives an answer for each request, with one line of the log for the call', async () => {
    let requestId = '';
    await serve((userId, _index, context) => {
      ({ requestId } = context);
      return `${userId}!`;
    });
    const { came, error } = await all(open(users(500), { requestId: 'mine' }));
    expect(error).toBeUndefined();
    expect(came).toEqual(Array.from({ length: 500 }, (_, i) => `u${i}!`));
    expect(requestId).toBe('mine');
    await expect.poll(() => lines.length).toBe(1);
    expect(lines[0]).toMatchObject({
      method: '/mic.recall.v1.RecallService/RecallStream',
      code: 'OK',
      requestId: 'mine',
    });
  });

  it('answers while requests still come', async () => {
    await serve((userId) => userId);
    let next = (): void => undefined;
    const requests = (async function* () {
      for (const request of users(3)) {
        yield request;
        await new Promise<void>((resolve) => (next = resolve));
      }
    })();
    const came: string[] = [];
    for await (const answer of open(requests)) {
      came.push(userOf(answer));
      next();
    }
    expect(came).toEqual(['u0', 'u1', 'u2']);
  });

  it('gives what came before an error, then the error, and asks for no more requests', async () => {
    await serve((userId, index) => {
      if (index === 3) throw new MicError('RESOURCE_EXHAUSTED', 'full', { remedy: 'wait', subject: 'messages[3]' });
      return userId;
    });
    const asked: number[] = [];
    const { came, error } = await all(open(users(100_000, asked)));
    expect(came).toEqual(['u0', 'u1', 'u2'].slice(0, came.length));
    expect(error).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      message: 'full',
      remedy: 'wait',
      subject: 'messages[3]',
    });
    expect(asked.length).toBeLessThan(100_000);
  });

  it('hides a defect', async () => {
    await serve(() => {
      throw new TypeError('secret');
    });
    expect((await all(open(users(1)))).error).toMatchObject({ code: 'INTERNAL', message: 'internal error' });
    await expect.poll(() => lines[0]).toMatchObject({ level: 50, err: { message: 'secret' } });
  });

  it('refuses an answer that is larger than a message may be, and a request', async () => {
    const large = 'x'.repeat(5 * 1024 * 1024);
    await serve((userId) => (userId === 'u1' ? large : userId));
    const { came, error } = await all(open(users(2)));
    expect(came).toEqual(['u0'].slice(0, came.length));
    expect(error).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      message: expect.stringMatching(/the answer has \d+ by/),
    });
    const request = RecallStreamRequest.fromPartial({ request: { userId: large } });
    expect((await all(open([request]))).error).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
  });

  it('holds the service back while nobody reads', async () => {
    let answered = 0;
    await serve((userId) => {
      answered++;
      return userId.padEnd(10_000, '.');
    });
    const answers = open(users(5_000));
    await answers.next();
    await sleep(300);
    // 1 MiB in HTTP/2's window, and 16 messages in the reader's buffer.
    expect(answered).toBeLessThan(200);
    expect((await all(answers)).came.length).toBe(4_999);
  });

  it('is cancelled by who leaves the loop', async () => {
    let context: CallContext | undefined;
    await serve((userId, _index, of) => {
      context = of;
      return userId;
    });
    for await (const answer of open(users(100_000))) {
      expect(userOf(answer)).toBe('u0');
      break;
    }
    await expect.poll(() => context!.signal.aborted).toBe(true);
    await expect.poll(() => lines[0]?.['code']).toBe('CANCELLED');
  });

  it('cancels the call when making a request fails, and throws that', async () => {
    let context: CallContext | undefined;
    await serve((userId, _index, of) => {
      context = of;
      return userId;
    });
    const broken = (async function* () {
      yield* users(1);
      await expect.poll(() => context).toBeDefined();
      throw new Error('the source is gone');
    })();
    await expect(async () => {
      for await (const answer of open(broken)) expect(userOf(answer)).toBe('u0');
    }).rejects.toThrow('the source is gone');
    await expect.poll(() => context!.signal.aborted).toBe(true);
  });

  it('ends by its deadline, and by its signal', async () => {
    await serve(() => new Promise(() => undefined));
    const error = async (options: ClientStreamOptions) => (await all(open(users(2), options))).error;
    expect(await error({ deadlineMs: 50 })).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(await error({ signal: AbortSignal.timeout(50) })).toMatchObject({ code: 'CANCELLED' });
    expect(await error({ signal: AbortSignal.abort() })).toMatchObject({ code: 'CANCELLED' });
  });

  it('counts as a call', async () => {
    await serve(() => new Promise(() => undefined), { maxConcurrentCalls: 1 });
    const abort = new AbortController();
    const first = all(open(users(1), { signal: abort.signal }));
    await expect
      .poll(async () => (await all(open(users(1), { deadlineMs: 200 }))).error?.code)
      .toBe('RESOURCE_EXHAUSTED');
    abort.abort();
    expect((await first).error!.code).toBe('CANCELLED');
  });

  it('is ended when it is too old, behind the answers to what was taken', async () => {
    await serve((userId) => userId, { maxStreamAgeMs: 100 });
    const requests = (async function* () {
      yield* users(2);
      await new Promise(() => undefined);
    })();
    const { came, error } = await all(open(requests));
    expect(came).toEqual(['u0', 'u1']);
    expect(error).toMatchObject({ code: 'UNAVAILABLE', message: 'the stream is older than 100 ms' });
    expect(error!.remedy).toContain('another stream');
  });

  it('gives a reader that takes nothing a time, and is over then', async () => {
    await serve((userId) => userId.padEnd(100_000, '.'), { maxStreamAgeMs: 100, lastResponsesMs: 100 });
    const answers = open(users(100));
    await answers.next();
    await expect
      .poll(() => lines[0])
      .toMatchObject({ code: 'UNAVAILABLE', error: expect.stringContaining('not read') });
    const { came, error } = await all(answers);
    expect(came.length).toBeLessThan(99);
    expect(error!.code).toBe('UNAVAILABLE');
  });

  it('is ended when the server stops', async () => {
    await serve((userId) => userId);
    const requests = (async function* () {
      yield* users(1);
      await new Promise(() => undefined);
    })();
    const answers = open(requests);
    expect(userOf((await answers.next()).value as RecallStreamResponse)).toBe('u0');
    const stopped = server.stop();
    expect((await all(answers)).error).toMatchObject({ code: 'UNAVAILABLE', message: 'the service is stopping' });
    await stopped;
  });
});

describe('clientBeside', () => {
  it('calls over the channel of the other one', async () => {
    await serve((userId) => userId);
    const beside = clientBeside(RecallServiceClient, client);
    expect(beside.getChannel()).toBe(client.getChannel());
    const { came } = await all(duplexStream(beside, 'recallStream', users(2)));
    expect(came).toEqual(['u0', 'u1']);
  });
});
