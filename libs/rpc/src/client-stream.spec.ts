import {
  AppendEventStreamRequest,
  AppendEventStreamResponse,
  EventServiceClient,
  EventServiceService,
} from '@mic/contracts';
import { MicError } from '@mic/domain';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { createClient } from './client';
import { clientStream } from './client-stream';
import { startServer, type RunningServer } from './server';
import { serviceHandlers, type CallContext } from './service-handlers';

let server: RunningServer | undefined;
let client: EventServiceClient;
afterEach(async () => {
  client.close();
  await server?.stop();
});

/** A server that does that with each message of a stream, and answers how many there were. */
async function serve(
  take: (index: number, context: CallContext, request: AppendEventStreamRequest) => unknown,
): Promise<void> {
  const handlers = serviceHandlers(EventServiceService, {
    appendEvents: () => Promise.reject(new MicError('UNIMPLEMENTED', 'not here')),
    async appendEventStream(requests, context) {
      let messages = 0;
      for await (const request of requests) await take(messages++, context, request);
      return AppendEventStreamResponse.fromPartial({ messages });
    },
  });
  const options = { services: [handlers], logger: pino({ level: 'silent' }), drainTimeoutMs: 500 };
  server = await startServer({ address: '127.0.0.1:0', ...options });
  client = createClient(EventServiceClient, server.address);
}

function* messages(count: number, asked: number[] = []): Generator<AppendEventStreamRequest> {
  for (let i = 0; i < count; i++) {
    asked.push(i);
    yield AppendEventStreamRequest.fromPartial({ events: [{ userId: 'u'.repeat(200), itemId: `i${i}`, timeMs: 1 }] });
  }
}

describe('clientStream', () => {
  it('sends all requests and gives the answer', async () => {
    let requestId = '';
    await serve((_index, context) => void ({ requestId } = context));
    const answer = await clientStream(client, 'appendEventStream', messages(500), { requestId: 'mine' });
    expect([answer.messages, requestId]).toEqual([500, 'mine']);
  });

  it('asks for no more requests when the service has ended the stream, and says why it has', async () => {
    await serve((index) => {
      if (index === 3) throw new MicError('RESOURCE_EXHAUSTED', 'full', { remedy: 'wait', subject: 'messages[3]' });
    });
    const asked: number[] = [];
    const refused = clientStream(client, 'appendEventStream', messages(100_000, asked));
    await expect(refused).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      message: 'full',
      remedy: 'wait',
      subject: 'messages[3]',
    });
    expect(asked.length).toBeLessThan(100_000);
  });

  it('cancels the call when making a request fails, and throws that', async () => {
    let context: CallContext | undefined;
    await serve((_index, of) => void (context = of));
    const broken = (async function* () {
      yield* messages(1);
      await expect.poll(() => context).toBeDefined();
      throw new Error('the source is gone');
    })();
    await expect(clientStream(client, 'appendEventStream', broken)).rejects.toThrow('the source is gone');
    await expect.poll(() => context!.signal.aborted).toBe(true);
  });

  it('ends by its deadline, and by its signal', async () => {
    await serve(() => new Promise(() => undefined));
    const endless = (options: object) => clientStream(client, 'appendEventStream', messages(2), options);
    await expect(endless({ deadlineMs: 50 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await expect(endless({ signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(endless({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});
