import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { MicCallError, MicClient, type CallOptions, type MicClientOptions, type RecallAnswer } from '@mic/client';
import { startServer, type RunningServer, type ServerOptions } from '@mic/rpc';
import { afterEach, describe, expect, it } from 'vitest';
import { logger } from './callers';
import { publicApi, RELEASE, type PublicApi } from './harness';

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

interface Api extends PublicApi {
  readonly server: RunningServer;
}

async function serve(options: Partial<ServerOptions> = {}): Promise<Api> {
  const api = publicApi();
  const { services } = api;
  const server = await startServer({ address: '127.0.0.1:0', services, logger, drainTimeoutMs: 200, ...options });
  opened.push(() => server.stop());
  return { ...api, server };
}

function clientOf(addresses: string | string[], options?: MicClientOptions): MicClient {
  const client = MicClient.connect(addresses, options);
  opened.push(() => {
    client.close();
  });
  return client;
}

async function failure(call: Promise<unknown>): Promise<MicCallError> {
  const error = await call.then(
    (value) => value,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(MicCallError);
  return error as MicCallError;
}

const users = (count: number, from = 0) => Array.from({ length: count }, (_, i) => ({ userId: `user-${from + i}` }));
const inShort = ({ request, response, error }: RecallAnswer): string =>
  error ? `${request.userId}: ${error.code} ${error.subject ?? ''}` : response.userId;
async function all(answers: AsyncIterable<RecallAnswer>): Promise<string[]> {
  const came: string[] = [];
  for await (const answer of answers) came.push(inShort(answer));
  return came;
}

describe('recall', () => {
  it('gives names in the places of enums, and sends every field', async () => {
    const { server, recall } = await serve();
    const client = clientOf(server.address);
    const response = await client.recall(
      {
        userId: 'u',
        n: 7,
        explain: true,
        inlineHistory: [{ itemId: 'film-2', time: new Date(5_000) }],
        onlyItemIds: ['film-1'],
        overrides: { channels: { POPULAR: { enabled: false } } },
      },
      { requestId: 'mine', deadlineMs: 4_000 },
    );
    expect(response).toMatchObject({
      userId: 'u',
      requestId: 'mine',
      releaseId: RELEASE,
      basicScore: 'USER_VECTOR',
      degraded: true,
      itemsRevision: 42,
      items: [{ itemId: 'film-1', score: 0.75, parts: { basic: 0.5 } }],
      dropped: [
        { itemId: 'film-2', reason: 'RANK', channels: ['U2I', 'POPULAR'], score: 0.5 },
        { itemId: 'film-3', reason: 'HIDDEN', channels: ['U2U2I'] },
      ],
    });
    expect(response.items[0]!.sources.map(({ channel, trigger }) => [channel, trigger])).toEqual([
      ['U2I', ''],
      ['U2U2I', 'user-2'],
      ['U2I2I', 'film-9'],
    ]);
    expect(response.channels.map(({ channel, outcome }) => [channel, outcome])).toEqual([
      ['U2I', 'OK'],
      ['U2U2I', 'LATE'],
      ['U2I2I', 'EMPTY'],
      ['POPULAR', 'DISABLED'],
    ]);
    expect(recall.requests[0]).toMatchObject({
      requestId: 'mine',
      n: 7,
      inlineHistory: { timesMs: Float64Array.of(5_000) },
      onlyItemIds: ['film-1'],
      overrides: { channels: { POPULAR: { enabled: false } } },
    });
    expect(recall.deadlinesMs[0]).toBeLessThanOrEqual(4_000);
  });

  it('allows 500 ms, or what the client or the call says', async () => {
    const { server, recall } = await serve();
    const [plain, told] = [clientOf(server.address), clientOf(server.address, { deadlinesMs: { recall: 300 } })];
    for (const client of [plain, told]) await client.recall({ userId: 'connected' }, { deadlineMs: 20_000 });
    recall.deadlinesMs.length = 0;
    await plain.recall({ userId: 'u' });
    await told.recall({ userId: 'u' });
    await told.recall({ userId: 'u' }, { deadlineMs: 200 });
    const [first, second, third] = recall.deadlinesMs;
    expect(first! > 300 && first! <= 500).toBe(true);
    expect(second! > 200 && second! <= 300).toBe(true);
    expect(third! <= 200).toBe(true);
  });

  it('rejects with code, message, remedy, subject and request id', async () => {
    const client = clientOf((await serve()).server.address);
    const error = await failure(client.recall({ userId: 'u', n: 0 }, { requestId: 'mine', deadlineMs: 5_000 }));
    expect(error).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'n is 0, 1 to 50 is allowed',
      remedy: 'give a number of 1 to 50',
      subject: 'n',
      requestId: 'mine',
    });
    const other = await failure(client.recall({ userId: '!release' }, { deadlineMs: 5_000 }));
    expect(other).toMatchObject({ code: 'FAILED_PRECONDITION', subject: 'release_id' });
    expect(other.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('ends by its deadline and by its signal, and the service is told', async () => {
    const { server, recall } = await serve();
    const client = clientOf(server.address);
    await client.recall({ userId: 'u' }, { deadlineMs: 5_000 });
    expect(await failure(client.recall({ userId: 'hang' }, { deadlineMs: 50 }))).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    await expect.poll(() => recall.aborted).toBe(1);
    const abort = new AbortController();
    const call = failure(client.recall({ userId: 'hang' }, { deadlineMs: 20_000, signal: abort.signal }));
    await expect.poll(() => recall.running).toBe(1);
    abort.abort();
    expect(await call).toMatchObject({ code: 'CANCELLED' });
    await expect.poll(() => recall.aborted).toBe(2);
  });

  it('comes in the grace that the client gives, or not at all', async () => {
    const { server } = await serve({ answersInGrace: true });
    for (const [graceMs, code] of [
      [undefined, 'DEADLINE_EXCEEDED'],
      [1_000, 'OK'],
    ] as const) {
      const client = clientOf(server.address, { graceMs });
      await client.recall({ userId: 'connected' }, { deadlineMs: 20_000 });
      const call = client.recall({ userId: 'late' }, { deadlineMs: 50 });
      expect(
        await call.then(
          () => 'OK',
          (error: unknown) => (error as MicCallError).code,
        ),
      ).toBe(code);
    }
  });

  it.each<[MicClientOptions, string]>([
    [{ graceMs: 0 }, 'graceMs'],
    [{ graceMs: 3_600_001 }, 'graceMs'],
    [{ graceMs: Infinity }, 'graceMs'],
    [{ deadlinesMs: { recall: 0 } }, 'deadlinesMs.recall'],
    [{ deadlinesMs: { write: NaN } }, 'deadlinesMs.write'],
  ])('refuses a client with %o', async (options, subject) => {
    const error = await failure(Promise.resolve().then(() => MicClient.connect('127.0.0.1:1', options)));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', subject });
  });

  it.each<[string, CallOptions, string]>([
    ['a deadline of 0', { deadlineMs: 0 }, 'deadlineMs'],
    ['a deadline that is no number', { deadlineMs: NaN }, 'deadlineMs'],
    ['an id with a space', { requestId: 'a b' }, 'requestId'],
  ])('refuses %s before anything is sent', async (_what, options, subject) => {
    const { server, recall } = await serve();
    const error = await failure(clientOf(server.address).recall({ userId: 'u' }, options));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', subject });
    expect(recall.requests).toEqual([]);
  });
});

describe('batchRecall', () => {
  it('gives an answer for each request', async () => {
    const client = clientOf((await serve()).server.address);
    const answers = await client.batchRecall([{ userId: 'a' }, { userId: '!release' }], { requestId: 'b' });
    expect(answers.map(inShort)).toEqual(['a', '!release: FAILED_PRECONDITION release_id']);
    expect(answers.map(({ response, error }) => response?.requestId ?? error?.requestId)).toEqual(['b/0', 'b/1']);
  });

  it('rejects when one request is wrong, here or there', async () => {
    const client = clientOf((await serve()).server.address);
    const there = await failure(client.batchRecall([{ userId: 'a' }, { userId: 'b', n: 51 }]));
    expect(there).toMatchObject({ code: 'INVALID_ARGUMENT', subject: 'requests[1].n' });
    const here = await failure(client.batchRecall([{ userId: 'a' }, { userId: 'b', n: 0.5 }]));
    expect(here).toMatchObject({ code: 'INVALID_ARGUMENT', subject: 'requests[1].n' });
  });
});

describe('appendEvents, upsertItems and removeItems', () => {
  it('send what they are given', async () => {
    const { server, history, items } = await serve();
    const client = clientOf(server.address);
    const event = { userId: 'u', itemId: 'i', time: new Date(7) };
    expect(await client.appendEvents([event, { ...event, time: 8, weight: 2 }])).toEqual({
      accepted: 2,
      duplicates: 0,
      tooOld: 0,
    });
    expect(await client.appendEvents([event])).toMatchObject({ accepted: 0, duplicates: 1 });
    expect(history.events).toEqual([
      { userId: 'u', itemId: 'i', timeMs: 7, weight: 1 },
      { userId: 'u', itemId: 'i', timeMs: 8, weight: 2 },
    ]);
    const fields = { year: 1999, title: 'Fargo', genres: ['crime', 'drama'] };
    expect(await client.upsertItems([{ itemId: 'i', fields }])).toEqual({ revision: 1 });
    expect(await client.removeItems(['i', 'j'])).toEqual({ revision: 3 });
    expect(items.said).toEqual([
      { itemId: 'i', fields },
      { itemId: 'i', fields: null },
      { itemId: 'j', fields: null },
    ]);
  });

  it('are repeated three times while the service is away, and then reject', async () => {
    const { server, items } = await serve();
    const client = clientOf(server.address);
    items.away = 3;
    expect(await client.removeItems(['i'], { deadlineMs: 20_000 })).toEqual({ revision: 1 });
    expect(items.calls).toBe(4);
    items.away = 4;
    expect(await failure(client.removeItems(['i'], { deadlineMs: 20_000 }))).toMatchObject({
      code: 'UNAVAILABLE',
      message: 'the store does not answer',
    });
    expect(items.calls).toBe(8);
  });

  it('are not repeated when they are wrong', async () => {
    const { server, history } = await serve();
    const client = clientOf(server.address);
    const wrong = await failure(client.appendEvents([{ userId: '', itemId: 'i', time: 1 }]));
    expect(wrong).toMatchObject({ code: 'INVALID_ARGUMENT', subject: 'events[0].user_id' });
    expect(history.events).toEqual([]);
  });
});

describe('several addresses', () => {
  it('are all used; one that stops is left out, and no write is lost', async () => {
    const [a, b] = [await serve(), await serve()];
    const client = clientOf([a.server.address, b.server.address]);
    const append = (time: number) => client.appendEvents([{ userId: 'u', itemId: 'i', time }], { deadlineMs: 20_000 });
    let time = 0;
    await expect
      .poll(async () => {
        await append(++time);
        return a.history.events.length > 0 && b.history.events.length > 0;
      })
      .toBe(true);
    const stopped = a.server.stop();
    for (let i = 0; i < 50; i++) await append(++time);
    await stopped;
    const stored = [...a.history.events, ...b.history.events].map((event) => event.timeMs);
    expect(new Set(stored).size).toBe(time);
    expect(await failure(clientOf(a.server.address).recall({ userId: 'u' }))).toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('of which one is slow: its calls end by their deadlines, the others are answered', async () => {
    const [slow, quick] = [await serve(), await serve()];
    const original = slow.recall.recall.bind(slow.recall);
    slow.recall.recall = (request, deadlineMs, signal) => original({ ...request, userId: 'hang' }, deadlineMs, signal);
    const client = clientOf([slow.server.address, quick.server.address]);
    const ends = new Set<string>();
    await expect
      .poll(async () => {
        await client.recall({ userId: 'u' }, { deadlineMs: 300 }).then(
          ({ userId }) => ends.add(userId),
          ({ code }: MicCallError) => ends.add(code),
        );
        return [...ends].sort();
      })
      .toEqual(['DEADLINE_EXCEEDED', 'u']);
  });

  it('are refused when they are none', () => {
    const wrong = () => MicClient.connect(['a', 'b']);
    expect(wrong).toThrow(MicCallError);
    expect(wrong).toThrow(/wrong target/);
  });
});

describe('reads', () => {
  it('are repeated only when the client was told to', async () => {
    const { server, recall } = await serve();
    const options = { deadlineMs: 20_000 };
    expect(await failure(clientOf(server.address).recall({ userId: '!unavailable' }, options))).toMatchObject({
      code: 'UNAVAILABLE',
    });
    expect(recall.requests.length).toBe(1);
    const client = clientOf(server.address, { retryReads: true });
    expect((await failure(client.recall({ userId: '!unavailable' }, options))).code).toBe('UNAVAILABLE');
    expect(recall.requests.length).toBe(5);
  });
});

/** Passes bytes on to an address; `cut` breaks every connection without a word. */
class Wire {
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  constructor(address: string) {
    const [host, port] = address.split(':');
    this.#server = createServer((near) => {
      const far = connect(Number(port), host);
      near.pipe(far).pipe(near);
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => this.#sockets.delete(socket));
      }
    });
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    opened.push(() => {
      this.cut();
      this.#server.close();
    });
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

describe('recallAll', () => {
  const numbers = (count: number) => users(count).map(({ userId }) => userId);

  it('answers all, in order, those that are wrong or fail with their errors', async () => {
    const client = clientOf((await serve()).server.address);
    const requests = [
      ...users(40),
      { userId: 'a', n: 51 },
      { userId: '!release' },
      { userId: 'b', n: 0.5 },
      ...users(40, 40),
    ];
    expect(await all(client.recallAll(requests))).toEqual([
      ...numbers(40),
      'a: INVALID_ARGUMENT n',
      '!release: FAILED_PRECONDITION release_id',
      'b: INVALID_ARGUMENT n',
      ...numbers(80).slice(40),
    ]);
    expect(await all(client.recallAll([]))).toEqual([]);
  });

  it('goes on in other streams when the service ends them because they are old', async () => {
    const { server, recall } = await serve({ maxStreamAgeMs: 250 });
    const client = clientOf(server.address);
    const slowly = async function* () {
      for (const user of users(40)) {
        yield user;
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    };
    expect(await all(client.recallAll(slowly(), { requestId: 'nightly' }))).toEqual(numbers(40));
    const streams = new Set(recall.requests.map(({ requestId }) => requestId.split('/')[0]));
    expect([...streams].slice(0, 3)).toEqual(['nightly', 'nightly-2', 'nightly-3']);
  });

  it('goes on behind the last answer when the connection is cut', async () => {
    const { server, recall } = await serve();
    const wire = new Wire(server.address);
    const client = clientOf(await wire.listen());
    const came: string[] = [];
    for await (const answer of client.recallAll(users(200))) {
      came.push(inShort(answer));
      if (came.length === 50 || came.length === 120) wire.cut();
    }
    expect(came).toEqual(numbers(200));
    const streams = new Set(recall.requests.map(({ requestId }) => requestId.split('/')[0]));
    expect(streams.size).toBe(3);
    // At most what lay ahead was answered again.
    expect(recall.requests.length).toBeLessThanOrEqual(200 + 2 * 32);
  });

  it('goes on at another address when one stops', async () => {
    const [a, b] = [await serve(), await serve()];
    const client = clientOf([a.server.address, b.server.address]);
    const came: string[] = [];
    for await (const answer of client.recallAll(users(100))) {
      came.push(inShort(answer));
      if (came.length === 20) void (a.recall.requests.length > 0 ? a : b).server.stop();
    }
    expect(came).toEqual(numbers(100));
    expect(a.recall.requests.length > 0 && b.recall.requests.length > 0).toBe(true);
  });

  it('gives up when no stream comes about', async () => {
    const { server } = await serve();
    await server.stop();
    expect(await failure(all(clientOf(server.address).recallAll(users(1))))).toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('ends by its deadline over all streams, by its signal, and with its source', async () => {
    const { server, recall } = await serve({ maxStreamAgeMs: 100 });
    const client = clientOf(server.address);
    const hanging = [{ userId: 'hang' }];
    expect(await failure(all(client.recallAll(hanging, { deadlineMs: 600 })))).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    expect(await failure(all(client.recallAll(hanging, { signal: AbortSignal.timeout(150) })))).toMatchObject({
      code: 'CANCELLED',
    });
    const broken = (async function* () {
      yield* users(1);
      throw new TypeError('the source is gone');
    })();
    await expect(all(client.recallAll(broken))).rejects.toThrow(new TypeError('the source is gone'));
    for await (const answer of client.recallAll([...users(1), ...hanging])) {
      expect(inShort(answer)).toBe('user-0');
      break;
    }
    await expect.poll(() => recall.running).toBe(0);
  });
});

describe('a client that is closed', () => {
  it('lets what runs end, and refuses the rest', async () => {
    const { server, recall } = await serve();
    const client = clientOf(server.address);
    const running = client.recall({ userId: 'wait' }, { deadlineMs: 20_000 });
    await recall.waiting;
    client.close();
    recall.release();
    expect((await running).userId).toBe('wait');
    expect(await failure(client.recall({ userId: 'u' }))).toMatchObject({ code: 'FAILED_PRECONDITION' });
    expect(await failure(all(client.recallAll(users(1))))).toMatchObject({ code: 'FAILED_PRECONDITION' });
  });
});
