import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRedis, type RedisProcess } from '@mic/redis-process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from './open-store';

let folder: string;
let redis: RedisProcess;
beforeAll(async () => {
  [folder, redis] = await Promise.all([mkdtemp(join(tmpdir(), 'mic-open-store-')), startRedis()]);
});
afterAll(async () => {
  await Promise.all([rm(folder, { recursive: true, force: true }), redis.stop()]);
});

describe('openStore', () => {
  it.each([
    ['a folder', () => folder],
    ['Redis', () => redis.url],
  ])('gives %s its limits', async (_name, address) => {
    const store = await openStore({ store: address(), historyCap: 1, historyTtlMs: 1_000, liveItemsCap: 1 });
    const now = Date.now();
    const event = (timeMs: number) => ({ userId: 'u', itemId: 'i', timeMs, weight: 1 });
    const events = [event(now - 60_000), event(now + 60_000), event(now + 120_000)];
    expect(await store.appendEvents(events)).toMatchObject({ accepted: 1, tooOld: 2 });
    const item = (itemId: string) => ({ itemId, fields: null });
    await store.writeLiveItems([item('a')]);
    await expect(store.writeLiveItems([item('b')])).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    await store.close();
  });

  it('refuses an address that no backend is for', async () => {
    await expect(openStore({ store: 'memcached://localhost' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('memcached://'),
      remedy: expect.stringContaining('redis://'),
    });
  });
});
