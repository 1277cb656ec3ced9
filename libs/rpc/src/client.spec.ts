import { once } from 'node:events';
import { createServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Metadata, status } from '@grpc/grpc-js';
import { RecallRequest, RecallResponse, RecallServiceClient, RecallServiceService } from '@mic/contracts';
import { MicError } from '@mic/domain';
import { afterEach, describe, expect, it } from 'vitest';
import { createClient } from './client';
import { isFromService } from './error-status';
import { LIVENESS } from './health';
import { checkHealth } from './health-client';
import { createLogger } from './logger';
import { startServer, type RunningServer, type ServerOptions } from './server';
import { serviceHandlers } from './service-handlers';
import { addressesOf, grpcTarget } from './targets';
import { unary } from './unary';

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

/** A server that answers with its name as user id; the user `wait` waits until `release` is called. */
async function start(name: string, address = '127.0.0.1:0', more: Partial<ServerOptions> = {}) {
  const hanging = { begun: 0, stopped: 0, stoppedAfterMs: 0 };
  const pressed: boolean[] = [];
  let release: () => void = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  const handlers = serviceHandlers(RecallServiceService, {
    async recall({ userId }, { signal, isPressed, deadlineLeftMs }) {
      pressed.push(isPressed);
      if (userId === 'until due') await sleep(deadlineLeftMs() + 1);
      if (userId === 'late') await sleep(deadlineLeftMs() + 100);
      if (userId === 'wait') await gate;
      if (userId === 'hold up') setImmediate(holdUp, 150);
      if (userId === 'hang') {
        hanging.begun++;
        const begunAt = performance.now();
        await new Promise((resolve) => {
          signal.addEventListener('abort', resolve);
        });
        hanging.stopped++;
        hanging.stoppedAfterMs = performance.now() - begunAt;
      }
      return RecallResponse.fromPartial({ userId: name });
    },
    batchRecall: () => Promise.reject(new MicError('UNIMPLEMENTED', 'not here')),
    recallStream: () => {
      throw new MicError('UNIMPLEMENTED', 'not here');
    },
  });
  const logger = createLogger({ level: 'silent', service: 'spec' });
  const server = await startServer({ address, services: [handlers], logger, drainTimeoutMs: 200, ...more });
  server.setServing(true);
  opened.push(() => server.stop());
  return { ...server, release, hanging, pressed };
}

/** Keeps this process from all else, as a collection of garbage does. */
function holdUp(ms: number): void {
  for (const endAt = performance.now() + ms; performance.now() < endAt;);
}

function clientOf(...servers: Pick<RunningServer, 'address'>[]): (userId?: string) => Promise<string> {
  const client = createClient(RecallServiceClient, servers.map(({ address }) => address).join(','));
  opened.push(() => {
    client.close();
  });
  return async (userId = 'u') =>
    (await unary(client, 'recall', RecallRequest.fromPartial({ userId }), { deadlineMs: 2_000 })).userId;
}

/** How many of 40 calls each server answered; an error counts under its code. */
async function share(call: () => Promise<string>): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < 40; i++) {
    const name = await call().catch((error: unknown) => (error as MicError).code);
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

describe('a client of several addresses', () => {
  it('spreads its calls over all of them', async () => {
    const call = clientOf(await start('a'), await start('b'), await start('c'));
    await expect.poll(async () => Object.keys(await share(call)).sort()).toEqual(['a', 'b', 'c']);
    const counts = Object.values(await share(call));
    for (const count of counts) expect(count).toBeGreaterThanOrEqual(12);
  });

  it('leaves out one that is gone, and uses it again when it is back', async () => {
    const [a, b] = [await start('a'), await start('b')];
    const call = clientOf(a, b);
    await expect.poll(async () => Object.keys(await share(call)).length).toBe(2);
    await b.stop();
    await expect.poll(() => share(call)).toEqual({ a: 40 });
    await start('b again', b.address);
    await expect.poll(async () => Object.keys(await share(call)).sort(), { timeout: 10_000 }).toEqual(['a', 'b again']);
  });

  it('fails at once while nobody is there, and connects again by itself', async () => {
    const first = await start('a');
    const call = clientOf(first);
    expect(await call()).toBe('a');
    await first.stop();
    await expect.poll(() => call().catch((error: unknown) => (error as MicError).code)).toBe('UNAVAILABLE');
    await start('a again', first.address);
    await expect.poll(() => call().catch(() => ''), { timeout: 10_000 }).toBe('a again');
  });
});

describe('a connection that gets old', () => {
  it('is replaced without the loss of a call', async () => {
    const server = await start('a', undefined, { maxConnectionAgeMs: 100 });
    const call = clientOf(server);
    const answers: string[] = [];
    const endAt = Date.now() + 1_500;
    const caller = async () => {
      while (Date.now() < endAt) answers.push(await call());
    };
    await Promise.all([caller(), caller(), caller(), caller()]);
    expect(answers.length).toBeGreaterThan(100);
    expect(new Set(answers)).toEqual(new Set(['a']));
  });
});

describe('calls that are late, many of them', () => {
  it('are told so by the service, which stops in time, and do not cost the connection', async () => {
    const server = await start('a');
    const client = createClient(RecallServiceClient, server.address);
    opened.push(() => {
      client.close();
    });
    const request = RecallRequest.fromPartial({ userId: 'hang' });
    let left = 1_500; // Node ends a connection after 1,000 resets in a row
    const errors: MicError[] = [];
    const caller = async () => {
      while (left-- > 0) {
        await unary(client, 'recall', request, { deadlineMs: 10, graceMs: 2_000 }).catch((error: unknown) => {
          errors.push(error as MicError);
        });
      }
    };
    await Promise.all(Array.from({ length: 50 }, caller));
    expect(errors.length).toBe(1_500);
    expect(errors.filter((error) => error.code !== 'DEADLINE_EXCEEDED' || !isFromService(error))).toEqual([]);
    // What waits for longer than its time before it is read is not begun.
    expect(server.hanging.begun).toBeGreaterThan(500);
    expect(server.hanging.stopped).toBe(server.hanging.begun);
  });
});

describe('the window of a client', () => {
  it('lets a server send 1 MiB before it must hear from the client, on the connection and on each call', async () => {
    const sessions: ServerHttp2Session[] = [];
    const server = createServer().on('session', (session) => sessions.push(session));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    opened.push(() => server.close());
    const client = createClient(RecallServiceClient, `127.0.0.1:${(server.address() as AddressInfo).port}`);
    opened.push(() => {
      client.close();
      for (const session of sessions) session.destroy();
    });
    const windows = () => sessions.map(({ state, remoteSettings }) => [state, remoteSettings] as const);
    await expect.poll(windows).toMatchObject([[{ remoteWindowSize: 1024 * 1024 }, { initialWindowSize: 1024 * 1024 }]]);
  });
});

describe('the grace of a caller', () => {
  const ask = (client: RecallServiceClient, userId: string, deadlineMs: number, graceMs: number) =>
    unary(client, 'recall', RecallRequest.fromPartial({ userId }), { deadlineMs, graceMs });
  const codeOf = (call: Promise<unknown>): Promise<string> =>
    call.then(
      () => 'OK',
      (error: unknown) => `${(error as MicError).code}${isFromService(error as MicError) ? '' : ' here'}`,
    );

  /** As a caller without this library's client. */
  const send = (client: RecallServiceClient, metadata: Metadata, userId = 'u'): Promise<string> =>
    new Promise((resolve) => {
      const request = RecallRequest.fromPartial({ userId });
      client.recall(request, metadata, { deadline: Date.now() + 2_000 }, (error) => {
        resolve(status[error?.code ?? status.OK]);
      });
    });

  const wanted = (timeout: string): Metadata => {
    const metadata = new Metadata();
    metadata.set('mic-timeout-ms', timeout);
    return metadata;
  };

  async function serve(more: Partial<ServerOptions>) {
    const server = await start('a', undefined, more);
    const client = createClient(RecallServiceClient, server.address);
    opened.push(() => {
      client.close();
    });
    await ask(client, 'u', 2_000, 0);
    return { server, client };
  }

  it('ends the work at the deadline where the service does not use it', async () => {
    const { server, client } = await serve({});
    expect(await codeOf(ask(client, 'hang', 100, 2_000))).toBe('DEADLINE_EXCEEDED');
    expect(server.hanging.stoppedAfterMs).toBeGreaterThanOrEqual(95);
  });

  it('is used for the answer, and its last 3 ms for the word that there is none', async () => {
    const { client } = await serve({ answersInGrace: true });
    expect(await codeOf(ask(client, 'late', 100, 2_000))).toBe('OK');
    // Who waits for longer than it says hears the word; by its gRPC deadline alone it would hear it after 2 s.
    const beganAt = performance.now();
    expect(await send(client, wanted('100;grace=500'), 'hang')).toBe('DEADLINE_EXCEEDED');
    const ms = performance.now() - beganAt;
    expect(ms).toBeGreaterThanOrEqual(590);
    expect(ms).toBeLessThan(1_800);
  });

  it('counts as 8 ms where the caller does not say it', async () => {
    const { client } = await serve({ answersInGrace: true });
    expect(await send(client, wanted('100.000'), 'until due')).toBe('OK');
    expect(await send(client, wanted('100.000'), 'late')).toBe('DEADLINE_EXCEEDED');
    expect(await send(client, wanted('100.000;grace=1000'), 'late')).toBe('OK');
    expect(await send(client, wanted('100;  grace=1000.5'), 'late')).toBe('OK');
    for (const other of ['none', '1e3', '1000x', '-1000']) {
      expect(await send(client, wanted(`100;grace=${other}`), 'late')).toBe('DEADLINE_EXCEEDED');
    }
  });

  it('is over when what has arrived has been read, though the caller was held up', async () => {
    const { client } = await serve({});
    // The answer is in the caller's socket while its time passes.
    expect(await codeOf(ask(client, 'hold up', 50, 50))).toBe('OK');
  });

  it('is used to answer with little work what waited until its time was over', async () => {
    const { server, client } = await serve({ answersInGrace: true });
    const metadata = new Metadata();
    metadata.set('mic-timeout-ms', '0.000');
    expect(await send(client, metadata)).toBe('OK');
    expect(server.pressed).toEqual([false, true]);
  });

  it('counts what a request waited before it was read', async () => {
    const { server, client } = await serve({ answersInGrace: true });
    const sentAt = (said: string): Metadata => {
      const metadata = new Metadata();
      metadata.set('mic-timeout-ms', '200.000');
      metadata.set('mic-sent-at', said);
      return metadata;
    };
    const sender = 'f00df00df00d';
    expect(await send(client, sentAt(`${sender} ${Date.now()}`))).toBe('OK');
    // Sent 500 ms ago: its 200 ms and the grace are over.
    expect(await send(client, sentAt(`${sender} ${Date.now() - 500}`))).toBe('DEADLINE_EXCEEDED');
    expect(server.pressed).toEqual([false, false]);
  });
});

describe('a server with a limit of calls', () => {
  it('refuses what is beyond it, and takes calls again when others have ended', async () => {
    const server = await start('a', undefined, { maxConcurrentCalls: 3 });
    const call = clientOf(server);
    const waiting = [call('wait'), call('wait'), call('wait')];
    await expect
      .poll(() => call().catch((error: unknown) => (error as MicError).message))
      .toMatch(/3 calls run already/);
    await expect(call()).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED', remedy: expect.any(String) });
    server.release();
    await Promise.all(waiting);
    expect(await call()).toBe('a');
  });
});

describe('checkHealth', () => {
  it('tells liveness from readiness', async () => {
    const server = await start('a');
    server.setServing(false);
    expect(await checkHealth(server.address, '', 1_000)).toBe('NOT_SERVING');
    expect(await checkHealth(server.address, LIVENESS, 1_000)).toBe('SERVING');
    server.setServing(true);
    expect(await checkHealth(server.address, '', 1_000)).toBe('SERVING');
    await expect(checkHealth('127.0.0.1:1', '', 1_000)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('grpcTarget', () => {
  it.each([
    ['a:1', 'a:1'],
    ['127.0.0.1:1', '127.0.0.1:1'],
    ['127.0.0.1:1, 127.0.0.2:2', 'ipv4:127.0.0.1:1,127.0.0.2:2'],
    ['[::1]:1,[::2]:2', 'ipv6:[::1]:1,[::2]:2'],
    ['dns:///name:1', 'dns:///name:1'],
  ])('%s is %s', (text, target) => {
    expect(grpcTarget(text)).toBe(target);
  });

  it.each(['', 'a', 'a:', 'a:b', 'a:1,', 'a:1,b:2', '127.0.0.1:1,[::1]:2', 'a b:1'])('refuses "%s"', (text) => {
    expect(() => grpcTarget(text)).toThrow(/wrong target/);
  });
});

describe('addressesOf', () => {
  it.each([
    ['127.0.0.1:7', ['127.0.0.1:7']],
    ['127.0.0.1:7,127.0.0.2:8', ['127.0.0.1:7', '127.0.0.2:8']],
    ['[::1]:7', ['[::1]:7']],
    ['dns:///127.0.0.1:7', ['127.0.0.1:7']],
    ['dns://127.0.0.53/127.0.0.1:7', ['127.0.0.1:7']],
    ['unix:/run/mic.sock', ['unix:/run/mic.sock']],
  ])('of %s', async (text, addresses) => {
    expect(await addressesOf(text)).toEqual(addresses);
  });

  it('has every address of a name, and says when it has none', async () => {
    expect(await addressesOf('localhost:7')).toContain('127.0.0.1:7');
    await expect(addressesOf('dns:///no-such-host.invalid:7')).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('no-such-host.invalid has no address'),
    });
  });
});
