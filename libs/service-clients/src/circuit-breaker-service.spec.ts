import { createServer, type AddressInfo, type Socket } from 'node:net';
import { EmbedderServiceService } from '@mic/contracts';
import { MicError, parseReleaseId } from '@mic/domain';
import { createLogger, serviceHandlers, startServer } from '@mic/rpc';
import { afterEach, expect, it } from 'vitest';
import type { BreakerEvent } from './circuit-breaker';
import { ItemEmbedderClient } from './item-embedder-client';
import { UserEmbedderClient } from './user-embedder-client';

const releaseId = parseReleaseId('r1');
const release = { releaseId, manifestSha256: '' };
const input = { userRow: null, profile: null, historyRows: new Uint32Array() };
const optionsOf = (timeoutMs: number) => ({ signal: new AbortController().signal, requestId: 'spec', timeoutMs });

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Clients of one connection, for two releases, and what their breakers say. */
function connectTo(address: string) {
  const events: BreakerEvent[] = [];
  const connection = UserEmbedderClient.connect(address, { onBreaker: (event) => events.push(event) });
  closing.unshift(() => {
    connection.close();
  });
  const users = [0, 1].map(() => new UserEmbedderClient(connection, release));
  const items = new ItemEmbedderClient(connection, release);
  const code = (call: Promise<unknown>): Promise<string> =>
    call.then(
      () => 'OK',
      (error: unknown) => (error as MicError).code,
    );
  return {
    events,
    embed: (timeoutMs = 2_000, client = 0) => code(users[client]!.embed(releaseId, input, optionsOf(timeoutMs))),
    embedItems: () => code(items.embedItems(releaseId, [Int32Array.of(1)], optionsOf(2_000))),
  };
}

it('refuses calls of an RPC that fails, of whatever release, until one is answered; other RPCs go on', async () => {
  let calls = 0;
  let isBroken = true;
  const handlers = serviceHandlers(EmbedderServiceService, {
    embedUsers: () => {
      calls++;
      if (isBroken) return Promise.reject(new MicError('DATA_LOSS', 'the tower is damaged'));
      return Promise.resolve({ releaseId, dimension: 1, users: [{ count: 1, vectors: [1] }] });
    },
    embedItems: () => Promise.resolve({ releaseId, dimension: 1, vectors: [1] }),
  });
  const logger = createLogger({ level: 'silent', service: 'spec' });
  const server = await startServer({ address: '127.0.0.1:0', services: [handlers], logger, drainTimeoutMs: 100 });
  closing.push(() => server.stop());
  const { embed, embedItems, events } = connectTo(server.address);
  await expect.poll(embedItems).toBe('OK');

  for (let i = 0; i < 20; i++) expect(await embed(2_000, i % 2)).toBe('DATA_LOSS');
  const codes = await Promise.all(Array.from({ length: 50 }, (_, i) => embed(2_000, i % 2)));
  expect(codes.filter((code) => code === 'RESOURCE_EXHAUSTED').length).toBeGreaterThanOrEqual(49);
  expect(calls).toBeLessThanOrEqual(21);
  expect(await embedItems()).toBe('OK');
  isBroken = false;
  await expect.poll(() => embed()).toBe('OK');
  expect(await Promise.all(Array.from({ length: 50 }, () => embed()))).toEqual(Array<string>(50).fill('OK'));
  expect(events).toMatchObject([
    { service: 'user-embedder', rpc: 'embedUsers', isOpen: true, faults: 20, lastFault: { code: 'DATA_LOSS' } },
    { isOpen: false },
  ]);
});

it('opens for a service that takes connections and says nothing, and for one that is not there', async () => {
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => sockets.add(socket));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
  for (const [port, code] of [
    [(silent.address() as AddressInfo).port, 'DEADLINE_EXCEEDED'],
    [1, 'UNAVAILABLE'],
  ] as const) {
    const { embed, events } = connectTo(`127.0.0.1:${port}`);
    if (code === 'UNAVAILABLE') await expect.poll(() => embed()).toBe(code);
    await Promise.all(Array.from({ length: 20 }, () => embed(50)));
    expect(events).toMatchObject([{ isOpen: true, faults: 20, lastFault: { code } }]);
  }
});
