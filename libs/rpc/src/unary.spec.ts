import { once } from 'node:events';
import { createServer as createHttp2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { RecallRequest, RecallResponse, RecallServiceClient } from '@mic/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { createClient } from './client';
import { unary, type UnaryOptions } from './unary';

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

/** A client, and the address, of a server that speaks no more HTTP/2 than `answer` does. */
async function clientOf(answer: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void) {
  return connect(createHttp2Server().on('stream', answer));
}

async function connect(server: Server) {
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => sockets.push(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = createClient(RecallServiceClient, address);
  opened.push(() => {
    client.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const call = (options: UnaryOptions) => unary(client, 'recall', RecallRequest.fromPartial({ userId: 'u' }), options);
  return { client, address, call };
}

/** Sends a message as gRPC frames it, and leaves the status to `status`. */
function sendMessage(stream: ServerHttp2Stream, message: Uint8Array, status?: string): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto' }, { waitForTrailers: true });
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  if (status === undefined) {
    stream.write(frame);
    return;
  }
  stream.on('wantTrailers', () => {
    stream.sendTrailers({ 'grpc-status': status });
  });
  stream.end(frame);
}

const MESSAGE = RecallResponse.encode(RecallResponse.fromPartial({ userId: 'answered' })).finish();

describe('a call', () => {
  it.each([0, 50])('is answered with its message, whenever the status comes (grace: %i ms)', async (graceMs) => {
    const { call } = await clientOf((stream) => {
      sendMessage(stream, MESSAGE);
    });
    const cancelled = new AbortController();
    const answer = await call({ deadlineMs: 2_000, graceMs, signal: cancelled.signal });
    expect(answer.userId).toBe('answered');
    cancelled.abort();
    await sleep(20);
  });

  it('whose message cannot be read is INTERNAL', async () => {
    const { call } = await clientOf((stream) => {
      sendMessage(stream, Buffer.from([0xff, 0xff]), '0');
    });
    await expect(call({ deadlineMs: 2_000, graceMs: 50 })).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  it('that nobody answers ends when its grace is over', async () => {
    const { call, address } = await clientOf(() => undefined);
    await expect(call({ deadlineMs: 50.4, graceMs: 50 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: `no answer from ${address} within 100 ms`,
      remedy: 'allow more time, or ask for less',
    });
  });

  it('says so where there was no connection', async () => {
    const { call } = await connect(createServer());
    await expect(call({ deadlineMs: 50, graceMs: 50 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: expect.stringMatching(/^no connection to .* within 100 ms$/),
    });
  });

  it('of a client that is closed is refused, and nothing comes after it', async () => {
    const { client, call } = await clientOf(() => undefined);
    client.close();
    for (const graceMs of [0, 10]) {
      await expect(call({ deadlineMs: 10, graceMs })).rejects.toMatchObject({
        code: 'FAILED_PRECONDITION',
        message: 'the client is closed',
        remedy: 'connect another one',
      });
    }
    await sleep(60);
  });

  it.each([2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER, Infinity])(
    'may have %d ms: more than 24 days count as 24',
    async (deadlineMs) => {
      const timeouts: unknown[] = [];
      const { call } = await clientOf((stream, headers) => {
        timeouts.push(headers['mic-timeout-ms']);
        sendMessage(stream, MESSAGE, '0');
      });
      for (const graceMs of [0, 50]) expect((await call({ deadlineMs, graceMs })).userId).toBe('answered');
      expect(timeouts).toEqual([undefined, `${24 * 86_400_000}.000;grace=50`]);
    },
  );

  it('that has less than no time left has none', async () => {
    const timeouts: unknown[] = [];
    const { call } = await clientOf((stream, headers) => {
      timeouts.push(headers['mic-timeout-ms']);
      sendMessage(stream, MESSAGE, '0');
    });
    expect((await call({ deadlineMs: -5, graceMs: 2_000 })).userId).toBe('answered');
    expect(timeouts).toEqual(['0.000;grace=2000']);
    await expect(call({ deadlineMs: -5 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });
});
