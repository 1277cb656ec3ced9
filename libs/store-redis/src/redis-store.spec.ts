import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseReleaseId, type Interaction } from '@mic/domain';
import type { ReleaseSummary } from '@mic/recall';
import {
  startRedis,
  startRedisCluster,
  startRedisSentinel,
  startSlowProxy,
  type RedisProcess,
} from '@mic/redis-process';
import { sealRelease, storeConformance, type StoreRules } from '@mic/store-conformance';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RedisStore } from './redis-store';

let redis: RedisProcess;
let cluster: Awaited<ReturnType<typeof startRedisCluster>>;
beforeAll(async () => {
  [redis, cluster] = await Promise.all([startRedis(), startRedisCluster()]);
});
afterAll(() => Promise.all([redis.stop(), cluster.stop()]));

let prefixes = 0;
const newPrefix = (): string => `spec-${prefixes++}`;

for (const [name, url] of [
  ['RedisStore, single', () => redis.url],
  ['RedisStore, cluster', () => cluster.url],
] as const) {
  storeConformance(name, async () => {
    const address = `${url()}?prefix=${newPrefix()}`;
    const openStore = (rules: StoreRules = {}) => RedisStore.open({ url: address, historyCap: 5, ...rules });
    let store = await openStore();
    return {
      store,
      reopen: async (rules) => {
        await store.close();
        return (store = await openStore(rules));
      },
      dispose: () => store.close(),
    };
  });
}

const R1 = parseReleaseId('r1');
const R1_NEXT = parseReleaseId('r1-next');
const options = () => ({ signal: new AbortController().signal, requestId: 'spec' });
const event = (userId: string, timeMs: number): Interaction => ({ userId, itemId: `i${timeMs}`, timeMs, weight: 1 });
const sealOf = (manifestSha256 = '1'.repeat(64)): ReleaseSummary => ({
  releaseId: R1,
  manifestSha256,
  parentId: null,
  createdAt: '2024-01-02T03:04:05.000Z',
  encoder: 'pooled',
  dimension: 2,
  featureSchemaSha256: '0'.repeat(64),
  users: 1,
  items: 1,
});
const historyOf = async (store: RedisStore, userId: string) =>
  (await store.userContext({ releaseId: R1, userId, historyLimit: 1_000 }, options())).history;

describe('a history of a limited age', () => {
  it('is a key that goes by itself, as soon as the newest event is too old', async () => {
    const prefix = newPrefix();
    const url = `${redis.url}?prefix=${prefix}`;
    const client = new Redis(redis.port);
    const expiries = async () => {
      const names = (await client.keys(`${prefix}:*:h:*`)).sort((a, b) => a.slice(-1).localeCompare(b.slice(-1)));
      return Promise.all(names.map((name) => client.pexpiretime(name)));
    };
    const timeMs = Date.UTC(2100, 0, 1);
    const ageless = await RedisStore.open({ url });
    await ageless.appendEvents([event('a', timeMs), event('b', timeMs - 500), event('b', timeMs - 2_000)]);
    expect(await expiries()).toEqual([-1, -1]);
    const aged = await RedisStore.open({ url, historyTtlMs: 1_000, nowMs: () => timeMs });
    await aged.appendEvents([event('c', timeMs - 1_000), event('c', timeMs + 7)]);
    expect(await expiries()).toEqual([-1, -1, timeMs + 1_008]);
    expect(await aged.expireHistories()).toEqual({ users: 3, usersRemoved: 0, eventsRemoved: 1 });
    const all = [timeMs + 1_001, timeMs + 501, timeMs + 1_008];
    expect(await expiries()).toEqual(all);
    await aged.importHistories({
      userIds: ['d'],
      offsets: Uint32Array.of(0, 1),
      itemHashes: Uint32Array.of(1, 2),
      timesMs: Float64Array.of(timeMs),
      weights: Float32Array.of(1),
    });
    expect(await expiries()).toEqual([...all, timeMs + 1_001]);
    await ageless.appendEvents([event('a', timeMs + 1)]);
    expect((await expiries())[0]).toBe(-1);
    client.disconnect();
    await Promise.all([ageless.close(), aged.close()]);
  });
});

describe('several processes on one Redis', () => {
  it('lose no event of a user that all of them write at once', async () => {
    const url = `${redis.url}?prefix=${newPrefix()}`;
    const stores = await Promise.all([0, 1, 2, 3].map(() => RedisStore.open({ url })));
    await sealRelease(stores[0]!, sealOf());
    const results = await Promise.all(
      Array.from({ length: 80 }, (_, i) => stores[i % 4]!.appendEvents([event('u', 1 + i)])),
    );
    expect(results.every(({ accepted }) => accepted === 1)).toBe(true);
    expect([...(await historyOf(stores[0]!, 'u')).timesMs]).toEqual(Array.from({ length: 80 }, (_, i) => 80 - i));
    await Promise.all(stores.map((store) => store.close()));
  });

  it('cannot seal two contents under one id, however they interleave', async () => {
    const url = `${redis.url}?prefix=${newPrefix()}`;
    const [first, second] = await Promise.all([RedisStore.open({ url }), RedisStore.open({ url })]);
    const outcomes = await Promise.allSettled([
      sealRelease(first, sealOf()),
      sealRelease(second, sealOf('2'.repeat(64))),
    ]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const [sealed] = await first.releases();
    const { manifestSha256 } = sealed!;
    const wanted = { releaseId: R1, manifestSha256, userId: 'u', historyLimit: 1 };
    expect((await second.userContext(wanted, options())).userKnown).toBe(false);
    await Promise.all([first.close(), second.close()]);
  });

  it('number the changes of live items one after the other, and each sees those of all', async () => {
    const url = `${redis.url}?prefix=${newPrefix()}`;
    const stores = await Promise.all([0, 1, 2].map(() => RedisStore.open({ url, liveItemsCap: 50 })));
    const pairs = Array.from({ length: 30 }, (_, i) => [`a${i}`, `b${i}`].map((itemId) => ({ itemId, fields: null })));
    const written = await Promise.allSettled(pairs.map((pair, i) => stores[i % 3]!.writeLiveItems(pair)));
    const revisions = written.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(revisions.sort((a, b) => a - b)).toEqual(Array.from({ length: 25 }, (_, i) => 2 * (i + 1)));
    const refused = written.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
    for (const error of refused) expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', message: /52 live items/ });
    const [first, ...others] = await Promise.all(stores.map((store) => store.liveItems(null)));
    expect(first!.items.length).toBe(50);
    for (let i = 0; i < 50; i += 2) expect(first!.items[i + 1]!.itemId).toBe(first!.items[i]!.itemId.replace('a', 'b'));
    for (const other of others) expect(other).toEqual(first);
    await Promise.all(stores.map((store) => store.close()));
  });

  it('share it under prefixes of their own', async () => {
    const stores = await Promise.all(
      [newPrefix(), newPrefix()].map((prefix) => RedisStore.open({ url: `${redis.url}?prefix=${prefix}` })),
    );
    await sealRelease(stores[0]!, sealOf());
    await stores[0]!.lease('spec', 60_000);
    await stores[0]!.movePointer(R1, 'spec');
    expect([await stores[1]!.pointer(), await stores[1]!.releases()]).toEqual([null, []]);
    await Promise.all(stores.map((store) => store.close()));
  });
});

describe('a Redis that was started again without its last changes', () => {
  it('gives a reader of live items all that there is, though it counts them anew to where the reader is', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mic-redis-back-'));
    const before = await startRedis([], { directory });
    const lost = await RedisStore.open({ url: before.url });
    const items = (...itemIds: string[]) => itemIds.map((itemId) => ({ itemId, fields: null }));
    await lost.writeLiveItems(items('a'));
    const client = new Redis(before.port);
    await client.save();
    client.disconnect();
    await lost.writeLiveItems(items('lost'));
    const known = await lost.liveItems(null);
    await lost.close();
    await before.stop();
    const after = await startRedis([], { directory });
    const store = await RedisStore.open({ url: after.url });
    expect(await store.writeLiveItems(items('b'))).toBe(known.revision);
    expect(await store.liveItems(known)).toMatchObject({ isWhole: true, items: items('a', 'b') });
    await store.close();
    await after.stop();
    await rm(directory, { recursive: true });
  });
});

describe('a Redis that fails', () => {
  const append = (store: RedisStore) => store.appendEvents([event('u', 1)]);

  it('is UNAVAILABLE at the start, with its address and without its password', async () => {
    const opened = RedisStore.open({ url: 'redis://user:secret@127.0.0.1:1' });
    const error: Error = await opened.then(
      () => new Error('opened'),
      (reason: Error) => reason,
    );
    expect(error).toMatchObject({ code: 'UNAVAILABLE', remedy: expect.stringContaining('Redis runs') });
    expect(error.message).toContain('redis://***@127.0.0.1:1');
    expect(error.message).not.toContain('secret');
  });

  it('is UNAVAILABLE at once while it is stopped, and comes back by itself', async () => {
    const own = await startRedis();
    const store = await RedisStore.open({ url: own.url });
    await sealRelease(store, sealOf());
    await own.stop();
    for (const call of [() => append(store), () => historyOf(store, 'u'), () => store.pointer()]) {
      await expect(call()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    }
    const again = await startRedis([], { port: own.port });
    await expect.poll(() => store.pointer().catch(() => 'away'), { timeout: 10_000 }).toBeNull();
    await expect(historyOf(store, 'u')).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' }); // it lost its data
    await sealRelease(store, sealOf());
    expect(await append(store)).toMatchObject({ accepted: 1 });
    await store.close();
    await again.stop();
  });

  it('that has become a replica is left for the master that is behind the address now', async () => {
    const [before, after] = await Promise.all([startRedis(), startRedis()]);
    const via = await startSlowProxy(before.port, 0);
    const store = await RedisStore.open({ url: `redis://127.0.0.1:${via.port}` });
    expect(await append(store)).toMatchObject({ accepted: 1 });
    via.targetPort = after.port;
    const client = new Redis(before.port);
    await client.replicaof('127.0.0.1', after.port);
    client.disconnect();
    const next = () => store.appendEvents([event('u', 2)]);
    await expect(next()).rejects.toMatchObject({ code: 'UNAVAILABLE', message: /READONLY/ });
    await expect.poll(() => next().catch(() => 'away'), { timeout: 10_000 }).toMatchObject({ accepted: 1 });
    await Promise.all([store.close(), via.stop(), before.stop(), after.stop()]);
  });

  it('that hangs holds up no caller beyond its signal, takes no more than its share, and recovers', async () => {
    const own = await startRedis();
    const store = await RedisStore.open({ url: own.url, maxInFlight: 8, commandTimeoutMs: 1_000 });
    await sealRelease(store, sealOf());
    own.process.kill('SIGSTOP');
    const controller = new AbortController();
    const read = store.userContext(
      { releaseId: R1, userId: 'u', historyLimit: 1 },
      { signal: controller.signal, requestId: 'spec' },
    );
    setTimeout(() => {
      controller.abort();
    }, 50);
    await expect(read).rejects.toMatchObject({ code: 'CANCELLED' });
    const waiting = Array.from({ length: 20 }, () => historyOf(store, 'u').catch((error: unknown) => error));
    const codes = (await Promise.all(waiting)).map((error) => (error as { code: string }).code);
    expect(codes.filter((code) => code === 'UNAVAILABLE').length).toBe(7);
    expect(codes.filter((code) => code === 'RESOURCE_EXHAUSTED').length).toBe(13);
    own.process.kill('SIGCONT');
    await expect.poll(() => append(store).catch(() => 'away'), { timeout: 10_000 }).toMatchObject({ accepted: 1 });
    await store.close();
    await own.stop();
  });

  it('that is full refuses writes, and goes on reading', async () => {
    const own = await startRedis(['--maxmemory-policy', 'noeviction']);
    const store = await RedisStore.open({ url: own.url });
    await sealRelease(store, sealOf());
    await append(store);
    const [hidden, shown] = [
      { itemId: 'hidden', fields: null },
      { itemId: 'shown', fields: { genre: ['a'] } },
    ];
    await store.writeLiveItems([hidden, shown]);
    const { Redis } = await import('ioredis');
    const client = new Redis({ port: own.port });
    await client.config('SET', 'maxmemory', '1');
    const bare = { embedding: new Float32Array(1), profile: new Int32Array(0), similarRows: new Uint32Array(0) };
    const writes = [
      () => store.appendEvents([event('u', 2)]),
      () => store.writeUsers(R1, [{ ...bare, row: 0, userId: 'u', similarities: new Float32Array(0) }]),
      () => store.begin(R1_NEXT),
      () => store.writeLiveItems([{ itemId: 'new', fields: null }, hidden]),
    ];
    for (const write of writes) {
      await expect(write()).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED', message: /full/, remedy: /memory/ });
    }
    expect((await historyOf(store, 'u')).timesMs.length).toBe(1);
    expect(await store.liveItems(null)).toMatchObject({ revision: 2, items: [hidden, shown] });
    expect(await store.writeLiveItems([shown, hidden])).toBe(2); // nothing to write
    // Going back, and making room, must not need room.
    expect((await store.lease('spec', 60_000)).holder).toBe('spec');
    expect((await store.movePointer(R1, 'spec')).releaseId).toBe(R1);
    await store.removeRelease(R1_NEXT);
    expect(await store.forgetLiveItems([hidden])).toBe(1);
    await client.config('SET', 'maxmemory', '0');
    expect(await store.appendEvents([event('u', 2)])).toMatchObject({ accepted: 1 });
    client.disconnect();
    await store.close();
    await own.stop();
  });

  it('is refused when it is part of a cluster and the address does not say so, or the other way round', async () => {
    const node = cluster.url.replace('redis+cluster', 'redis').split(',')[0]!;
    await expect(RedisStore.open({ url: node })).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      remedy: expect.stringContaining('redis+cluster://'),
    });
    const wrong = RedisStore.open({ url: redis.url.replace('redis', 'redis+cluster'), commandTimeoutMs: 2_000 });
    await expect(wrong).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('is refused with a wrong password', async () => {
    const own = await startRedis(['--requirepass', 'right']);
    const address = (password: string) => own.url.replace('redis://', `redis://:${password}@`);
    await expect(RedisStore.open({ url: address('wrong') })).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    await expect(RedisStore.open({ url: own.url })).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    const store = await RedisStore.open({ url: address('right') });
    expect(await store.pointer()).toBeNull();
    await store.close();
    await own.stop();
  });
});

describe('behind Sentinel', () => {
  it('the store follows the master to another server', async () => {
    const sentinel = await startRedisSentinel();
    const store = await RedisStore.open({ url: sentinel.url });
    await sealRelease(store, sealOf());
    await store.appendEvents([event('u', 1)]);
    const { Redis } = await import('ioredis');
    const replica = new Redis({ port: sentinel.replica.port });
    await expect.poll(async () => (await replica.keys('mic:*h:u')).length, { timeout: 20_000 }).toBe(1);
    replica.disconnect();
    await sentinel.master.stop();
    await expect
      .poll(() => store.appendEvents([event('u', 2)]).catch(() => 'away'), { timeout: 30_000, interval: 200 })
      .toMatchObject({ accepted: 1 });
    expect([...(await historyOf(store, 'u')).timesMs]).toEqual([2, 1]);
    await store.close();
    await sentinel.stop();
  });
});
