import { connect, type IncomingHttpHeaders } from 'node:http2';
import { Writable } from 'node:stream';
import { status } from '@grpc/grpc-js';
import { RecallRequest, RecallResponse, RecallServiceClient, RecallServiceService } from '@mic/contracts';
import { MicError } from '@mic/domain';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { createClient } from './client';
import { startServer, type RunningServer } from './server';
import { serviceHandlers, type CallContext } from './service-handlers';
import { unary } from './unary';

type Line = Record<string, unknown>;
let server: RunningServer | undefined;
let client: RecallServiceClient | undefined;

afterEach(async () => {
  client?.close();
  await server?.stop();
});

/** A server whose Recall is the given function, and what it logs. */
async function serve(recall: (userId: string, context: CallContext) => Promise<void>) {
  const lines: Line[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()) as Line);
      done();
    },
  });
  const handlers = serviceHandlers(RecallServiceService, {
    async recall(request, context) {
      await recall(request.userId, context);
      return RecallResponse.fromPartial({ userId: request.userId });
    },
    batchRecall: () => Promise.reject(new MicError('UNIMPLEMENTED', 'not here')),
    recallStream: () => {
      throw new MicError('UNIMPLEMENTED', 'not here');
    },
  });
  server = await startServer({
    address: '127.0.0.1:0',
    services: [handlers],
    logger: pino({ level: 'debug' }, sink),
    drainTimeoutMs: 500,
  });
  client = createClient(RecallServiceClient, server.address);
  const bound = client;
  const call = (userId: string, deadlineMs = 5_000) =>
    unary(bound, 'recall', RecallRequest.fromPartial({ userId }), { deadlineMs, requestId: 'id-1' });
  return { call, lines };
}

describe('a unary handler', () => {
  it('logs one line a call: debug when it worked, warn or error when it did not', async () => {
    const defect = new Error('the disk is gone');
    const { call, lines } = await serve((userId) => {
      if (userId === 'defect') return Promise.reject(defect);
      if (userId === 'missing') return Promise.reject(new MicError('NOT_FOUND', 'no such thing'));
      return Promise.resolve();
    });
    await call('fine');
    await expect(call('missing')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(call('defect')).rejects.toMatchObject({ code: 'INTERNAL', message: 'internal error' });
    const method = '/mic.recall.v1.RecallService/Recall';
    expect(lines).toMatchObject([
      { level: 20, method, code: 'OK', requestId: 'id-1' },
      { level: 40, method, code: 'NOT_FOUND', requestId: 'id-1', error: 'no such thing' },
      { level: 50, method, code: 'INTERNAL', requestId: 'id-1', err: { message: 'the disk is gone' } },
    ]);
    for (const line of lines) expect(line['ms']).toBeTypeOf('number');
  });

  it('answers a handler that throws before it returns a promise', async () => {
    const { call } = await serve(() => {
      throw new MicError('ABORTED', 'at once', { remedy: 'repeat' });
    });
    await expect(call('u')).rejects.toMatchObject({ code: 'ABORTED', message: 'at once', remedy: 'repeat' });
  });

  it('tells the handler the deadline and ends its signal, once, when it is over', async () => {
    const contexts: CallContext[] = [];
    const { call, lines } = await serve((userId, context) => {
      contexts.push(context);
      return userId === 'hang' ? new Promise(() => {}) : Promise.resolve();
    });
    const before = Date.now();
    await expect(call('hang', 80)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    const [context] = contexts;
    expect(context!.deadlineAtMs).toBeGreaterThanOrEqual(before);
    expect(context!.deadlineAtMs).toBeLessThanOrEqual(before + 5_000);
    await expect.poll(() => context!.signal.aborted).toBe(true);
    await expect.poll(() => context!.deadlineLeftMs()).toBe(0);
    await expect.poll(() => lines.length).toBe(1);
    expect(['DEADLINE_EXCEEDED', 'CANCELLED']).toContain(lines[0]!['code']);
  });

  it('does not start work whose deadline has passed', async () => {
    let started = 0;
    const { lines } = await serve(() => {
      started++;
      return Promise.resolve();
    });
    // A client of grpc-js would not even send this call.
    const session = connect(`http://${server!.address}`);
    const stream = session.request({
      ':method': 'POST',
      ':path': '/mic.recall.v1.RecallService/Recall',
      'content-type': 'application/grpc',
      te: 'trailers',
      'grpc-timeout': '0m',
    });
    const statusOf = new Promise((resolve) => {
      const read = (headers: IncomingHttpHeaders): void => {
        if (headers['grpc-status'] !== undefined) resolve(headers['grpc-status']);
      };
      stream.on('response', read).on('trailers', read);
    });
    stream.end(Buffer.from([0, 0, 0, 0, 3, 0x0a, 1, 0x75])).resume(); // one uncompressed message: user_id "u"
    expect(await statusOf).toBe(String(status.DEADLINE_EXCEEDED));
    session.close();
    expect(started).toBe(0);
    expect(lines.every((line) => line['code'] === 'DEADLINE_EXCEEDED')).toBe(true);
  });

  it('cancels the client call by its signal', async () => {
    let context: CallContext | undefined;
    await serve((_userId, given) => {
      context = given;
      return new Promise(() => {});
    });
    const abort = new AbortController();
    const options = { deadlineMs: 5_000, signal: abort.signal };
    const pending = unary(client!, 'recall', RecallRequest.fromPartial({ userId: 'u' }), options);
    await expect.poll(() => context !== undefined).toBe(true);
    abort.abort();
    await expect(pending).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect.poll(() => context!.signal.aborted).toBe(true);
    await expect(unary(client!, 'recall', RecallRequest.create(), options)).rejects.toMatchObject({
      code: 'CANCELLED',
    });
  });
});
