import { execFile } from 'node:child_process';
import type { EventEmitter } from 'node:events';
import { promisify } from 'node:util';
import { credentials, loadPackageDefinition, type Client } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { protoPath } from 'grpc-health-check';
import { afterEach, describe, expect, it } from 'vitest';
import { RecallRequest } from '@mic/contracts';
import { startServer, unary } from '@mic/rpc';
import { logger, rejection } from './callers';
import { startHarness, type Harness } from './harness';

const exec = promisify(execFile);
const root = new URL('../..', import.meta.url).pathname;
const opened: Harness[] = [];
const open = async (drainTimeoutMs?: number): Promise<Harness> => {
  const harness = await startHarness(drainTimeoutMs);
  opened.push(harness);
  return harness;
};

afterEach(async () => {
  for (const harness of opened.splice(0)) await harness.close();
});

async function curl(...args: string[]): Promise<string> {
  const buf = `${root}node_modules/.bin/buf`;
  const { stdout } = await exec(buf, ['curl', '--protocol', 'grpc', '--http2-prior-knowledge', ...args], { cwd: root });
  return stdout;
}

describe('reflection', () => {
  it('lets a client that has no proto list and call the services', async () => {
    const { server } = await open();
    const base = `http://${server.address}`;
    expect((await curl('--list-services', base)).trim().split('\n').sort()).toEqual([
      'mic.event.v1.EventService',
      'mic.item.v1.ItemService',
      'mic.recall.v1.RecallService',
    ]);
    const answer = await curl('-d', '{"user_id": "u", "n": 3}', `${base}/mic.recall.v1.RecallService/Recall`);
    expect(JSON.parse(answer)).toMatchObject({ userId: 'u', basicScore: 'BASIC_SCORE_USER_VECTOR' });
  });
});

describe('health', () => {
  const { grpc } = loadPackageDefinition(loadSync(protoPath, { enums: String })) as unknown as {
    grpc: { health: { v1: { Health: new (address: string, channel: unknown) => Client } } };
  };
  const check = (address: string, service: string): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const client = new grpc.health.v1.Health(address, credentials.createInsecure()) as Client & {
        check(request: unknown, done: (error: Error | null, reply: { status: string }) => void): void;
      };
      client.check({ service }, (error, reply) => {
        client.close();
        if (error === null) resolve(reply.status);
        else reject(error);
      });
    });

  it('serves only when told so', async () => {
    const { server } = await open();
    for (const service of ['', 'mic.recall.v1.RecallService', 'mic.event.v1.EventService']) {
      server.setServing(false);
      expect(await check(server.address, service)).toBe('NOT_SERVING');
      server.setServing(true);
      expect(await check(server.address, service)).toBe('SERVING');
    }
    await expect(check(server.address, 'mic.other')).rejects.toThrow('NOT_FOUND');
  });

  it('tells watchers of a drain, which they do not hold up beyond its timeout', async () => {
    const { server } = await open(100);
    const client = new grpc.health.v1.Health(server.address, credentials.createInsecure()) as Client & {
      watch(request: unknown): EventEmitter;
    };
    const seen: string[] = [];
    const watch = client.watch({ service: '' });
    watch.on('data', (reply: { status: string }) => seen.push(reply.status)).on('error', () => {});
    await expect.poll(() => seen).toEqual(['SERVING']);
    await server.stop();
    await expect.poll(() => seen).toEqual(['SERVING', 'NOT_SERVING']);
    client.close();
  });

  it('does not serve before it is told', async () => {
    const server = await startServer({ address: '127.0.0.1:0', services: [], logger, drainTimeoutMs: 100 });
    expect(await check(server.address, '')).toBe('NOT_SERVING');
    await server.stop();
  });
});

describe('drain', () => {
  it('lets calls in flight finish and refuses new ones', async () => {
    const { server, recall, recallClient } = await open();
    const call = (userId: string) =>
      unary(recallClient, 'recall', RecallRequest.fromPartial({ userId }), { deadlineMs: 5_000 });
    const inFlight = call('wait');
    await recall.waiting;
    const stopped = server.stop();
    expect(await rejection(call('late'))).toMatchObject({ code: 'UNAVAILABLE' });
    recall.release();
    expect((await inFlight).userId).toBe('wait');
    await stopped;
    expect(recall.requests.map((request) => request.userId)).toEqual(['wait']);
  });

  it('ends what is left after the timeout', async () => {
    const { server, recall, recallClient } = await open(100);
    const hanging = rejection(
      unary(recallClient, 'recall', RecallRequest.fromPartial({ userId: 'hang' }), { deadlineMs: 30_000 }),
    );
    await recall.waiting;
    await server.stop();
    expect(['CANCELLED', 'UNAVAILABLE', 'INTERNAL']).toContain((await hanging).code);
    await expect.poll(() => recall.aborted).toBe(1);
  });
});

describe('listening', () => {
  it('names an address that is in use', async () => {
    const { server } = await open();
    const again = startServer({ address: server.address, services: [], logger, drainTimeoutMs: 0 });
    const error = await rejection(again);
    expect(error).toMatchObject({ code: 'FAILED_PRECONDITION', subject: 'address' });
    expect(error.message).toContain(server.address);
    expect(error.remedy).toContain('port');
  });

  it.each(['nonsense', '127.0.0.1', '127.0.0.1:99999'])('refuses the address %s', async (address) => {
    const error = await rejection(startServer({ address, services: [], logger, drainTimeoutMs: 0 }));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', subject: 'address' });
  });

  it('names the address when nothing listens', async () => {
    const harness = await startHarness();
    await harness.server.stop();
    const call = unary(harness.recallClient, 'recall', RecallRequest.fromPartial({ userId: 'u' }), {
      deadlineMs: 2_000,
    });
    const error = await rejection(call);
    expect(error.code).toBe('UNAVAILABLE');
    expect(error.message).toContain(harness.server.address);
    expect(error.remedy).toContain('address');
    await harness.close();
  });
});
