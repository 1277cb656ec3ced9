import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AppendEventsRequest,
  EventServiceClient,
  GetReleaseRequest,
  RecallRequest,
  RecallServiceClient,
  ReleaseServiceClient,
} from '@mic/contracts';
import { startRedis, startSlowProxy, type RedisProcess, type SlowProxy } from '@mic/redis-process';
import { checkHealth, createClient, RELEASE_HEALTH, unary } from '@mic/rpc';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lastJson, mic, up, type Up } from './processes';
import { addRelease, makeSmallHome, patientProfiles, succeed, type SmallHome } from './small-home';

let data: string;
let redis: RedisProcess;
let proxy: SlowProxy;
let small: SmallHome;
let running: Up;
let profiles: string[];
let client: RecallServiceClient;
let events: EventServiceClient;
/** Every write is on the disk before it is answered: a Redis that is killed comes back with all of it. */
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always'];

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'mic-redis-data-'));
  redis = await startRedis(DURABLE, { directory: data });
  proxy = await startSlowProxy(redis.port, 0);
  small = await makeSmallHome(redis.url);
  profiles = await patientProfiles(small.home);
  running = await up(small.home, '--store', `redis://127.0.0.1:${proxy.port}`, ...profiles);
  const gateway = running.services['recall-gateway'].address;
  client = createClient(RecallServiceClient, gateway);
  events = createClient(EventServiceClient, gateway);
}, 120_000);
afterAll(async () => {
  client.close();
  events.close();
  await running.stop('SIGKILL');
  await proxy.stop();
  await redis.stop();
  await Promise.all([small.home, data].map((folder) => rm(folder, { recursive: true, force: true })));
});

const DEADLINE_MS = 300;
const recall = async (userId = small.userIds[0]!) => {
  const started = performance.now();
  const response = await unary(client, 'recall', RecallRequest.fromPartial({ userId }), { deadlineMs: DEADLINE_MS });
  expect(performance.now() - started).toBeLessThan(DEADLINE_MS);
  return response;
};
const outcomes = async () =>
  recall().then(
    ({ channels, degraded }) => ({
      degraded,
      outcomes: channels.slice(0, 3).map(({ outcome }) => outcome.replace('OUTCOME_', '')),
    }),
    (error: { code: string }) => error.code,
  );
const append = (timeMs: number, deadlineMs = DEADLINE_MS) =>
  unary(
    events,
    'appendEvents',
    AppendEventsRequest.fromPartial({ events: [{ userId: 'redis-user', itemId: 'item-000001', timeMs }] }),
    { deadlineMs },
  );
const WELL = { degraded: false, outcomes: ['OK', 'OK', 'OK'] };
const untilWell = () => expect.poll(outcomes, { timeout: 15_000, interval: 100 }).toEqual(WELL);

describe('four services over Redis', () => {
  it('answer as they do over the embedded store', async () => {
    await untilWell();
    const embedded = await makeSmallHome();
    const one = await up(embedded.home, ...profiles);
    const other = createClient(RecallServiceClient, one.services['recall-gateway'].address);
    for (const userId of small.userIds.slice(0, 20)) {
      const request = RecallRequest.fromPartial({ userId, n: 50, profile: 'patient' });
      const answer = await unary(other, 'recall', request, { deadlineMs: 20_000 });
      const { items } = await unary(client, 'recall', request, { deadlineMs: 20_000 });
      expect(items).toEqual(answer.items);
    }
    other.close();
    await one.stop();
    await rm(embedded.home, { recursive: true });
  });

  it('say FAILED while Redis is stopped, and recover by themselves when it is back', async () => {
    await untilWell();
    await redis.stop();
    for (let i = 0; i < 20; i++) {
      const response = await recall(small.userIds[i]);
      expect(response.degraded).toBe(true);
      for (const { outcome, message } of response.channels.slice(0, 3)) {
        expect(['OUTCOME_FAILED', 'OUTCOME_SHED']).toContain(outcome);
        expect(message).toMatch(/the store does not answer|in a row/);
      }
    }
    await expect(append(1)).rejects.toMatchObject({ code: 'UNAVAILABLE', remedy: expect.stringContaining('Redis') });
    redis = await startRedis(DURABLE, { directory: data, port: redis.port });
    await untilWell();
    expect(await append(1)).toMatchObject({ accepted: 1 });
  });

  it('keep deadlines while Redis is slow, and say LATE', async () => {
    await untilWell();
    proxy.delayMs = 200;
    for (let i = 0; i < 10; i++) {
      const response = await recall(small.userIds[i]);
      expect(response.degraded).toBe(true);
      for (const { outcome } of response.channels.slice(0, 3)) {
        expect(['OUTCOME_LATE', 'OUTCOME_FAILED']).toContain(outcome);
      }
      expect(response.channels[1]!.outcome).toBe('OUTCOME_LATE');
    }
    await expect(append(2)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect((await append(2, 3_000)).accepted + (await append(2, 3_000)).duplicates).toBeGreaterThan(0);
    proxy.delayMs = 0;
    await untilWell();
  });

  it('keep deadlines while Redis hangs', async () => {
    await untilWell();
    redis.process.kill('SIGSTOP');
    try {
      for (let i = 0; i < 10; i++) expect((await recall(small.userIds[i])).degraded).toBe(true);
    } finally {
      redis.process.kill('SIGCONT');
    }
    await untilWell();
  });

  it('refuse events while Redis is full, and go on answering', async () => {
    await untilWell();
    const admin = new Redis({ port: redis.port });
    await admin.config('SET', 'maxmemory', '1');
    await expect(append(3)).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      message: expect.stringContaining('the store is full'),
      remedy: expect.stringContaining('memory'),
    });
    expect(await outcomes()).toEqual(WELL);
    const published = await mic('publish', '--home', small.home, '--release', small.releaseId, '--store', redis.url);
    expect([published.status, published.stderr]).toEqual([1, expect.stringContaining('the store is full')]);
    await admin.config('SET', 'maxmemory', '0');
    expect(await append(3)).toMatchObject({ accepted: 1 });
    admin.disconnect();
  });

  it('are refused by a Redis that lost its data, until it is published again', async () => {
    await untilWell();
    const admin = new Redis({ port: redis.port });
    await admin.flushall();
    const response = await recall();
    for (const { outcome, message } of response.channels.slice(0, 3)) {
      expect([outcome, message]).toEqual(['OUTCOME_FAILED', expect.stringContaining('is not in the store')]);
    }
    const at = ['--home', small.home, '--store', redis.url];
    await succeed('history', 'import', '--data', small.data, ...at);
    const { stdout } = await succeed('publish', '--release', small.releaseId, ...at, '--json');
    expect(lastJson(stdout)).toMatchObject({ releaseId: small.releaseId });
    await untilWell();
    admin.disconnect();
  });

  it('say so when the pointer names a release that is gone; publishing it again, or a rollback, mends that', async () => {
    await untilWell();
    const at = ['--home', small.home, '--store', redis.url];
    const second = await addRelease(small.home, 2);
    await succeed('publish', '--release', second, ...at);
    await expect.poll(async () => (await recall()).releaseId, { timeout: 20_000, interval: 100 }).toBe(second);
    const admin = new Redis({ port: redis.port });
    const lose = async (id: string): Promise<void> => {
      for (const hash of ['summaries', 'claims']) await admin.hdel(`mic:{meta}:${hash}`, id);
      await admin.zrem('mic:{meta}:order', id);
      for (const key of await admin.keys(`mic:{*}:s:${id}`)) await admin.del(key);
    };
    await lose(second);
    for (const { outcome, message } of (await recall()).channels.slice(0, 3)) {
      expect([outcome, message]).toEqual(['OUTCOME_FAILED', expect.stringContaining(`${second} is not in the store`)]);
    }
    const neighborStore = running.services['neighbor-store'].address;
    const ask = createClient(ReleaseServiceClient, neighborStore);
    const state = await unary(ask, 'getRelease', GetReleaseRequest.fromPartial({}), { deadlineMs: 2_000 });
    expect(state).toMatchObject({ currentReleaseId: small.releaseId, publishedReleaseId: second });
    expect(state.problem).toBe(`release ${second} is published and is not in the store`);
    expect(await checkHealth(neighborStore, RELEASE_HEALTH, 2_000)).toBe('NOT_SERVING');
    ask.close();

    await succeed('publish', '--release', second, ...at);
    await untilWell();
    await lose(second);
    await succeed('rollback', ...at);
    await expect
      .poll(async () => ({ ...((await outcomes()) as object), id: (await recall()).releaseId }), {
        timeout: 20_000,
        interval: 100,
      })
      .toEqual({ ...WELL, id: small.releaseId });
    expect(await checkHealth(neighborStore, RELEASE_HEALTH, 2_000)).toBe('SERVING');
    admin.disconnect();
  });
});
