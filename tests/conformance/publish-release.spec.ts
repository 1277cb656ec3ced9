import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MicError, type ReleaseId } from '@mic/domain';
import type { Store } from '@mic/recall';
import { startRedis, type RedisProcess } from '@mic/redis-process';
import { openRelease, publishRelease, ReleaseWriter, withLease, type OpenRelease } from '@mic/release';
import { LmdbStore } from '@mic/store-lmdb';
import { RedisStore } from '@mic/store-redis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { SMALL, smallMeta, writeSmallFiles } from '../../libs/release/src/spec-fixture';

let folder: string;
let redis: RedisProcess;
let releases: OpenRelease[];
let store: Store;
let stores = 0;

const OPEN: Record<string, () => Promise<Store>> = {
  LMDB: () => LmdbStore.open({ path: join(folder, `store-${stores++}`) }),
  Redis: () => RedisStore.open({ url: `${redis.url}?prefix=p${stores++}` }),
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mic-publish-'));
  redis = await startRedis();
  releases = [];
  for (let hour = 1; hour <= 5; hour++) {
    const writer = await ReleaseWriter.open(join(folder, 'releases'));
    await writeSmallFiles(writer);
    const gate = { passed: hour !== 5, checks: [] };
    const { id } = await writer.finish({ ...smallMeta(), createdAt: `2024-05-06T0${hour}:00:00Z`, gate });
    releases.push(await openRelease(join(folder, 'releases', id)));
  }
});
afterAll(async () => {
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The store, of which one call fails. */
function failing(method: keyof Store, error: MicError = new MicError('UNAVAILABLE', 'the connection broke')): Store {
  return new Proxy(store, {
    get(target, name) {
      if (name === method) return () => Promise.reject(error);
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

const sealedIds = async (): Promise<ReleaseId[]> => (await store.releases()).map(({ releaseId }) => releaseId);
const idOf = (hour: number): ReleaseId => releases[hour - 1]!.releaseId;
const publish = (hour: number, options: object = {}) =>
  publishRelease({ release: releases[hour - 1]!, target: store, waitMs: 0, ...options });
const callOptions = () => ({ signal: new AbortController().signal, requestId: 'spec' });

describe.each(['LMDB', 'Redis'])('publishing into %s', (kind) => {
  beforeEach(async () => {
    store = await OPEN[kind]!();
  });
  afterEach(() => store.close());

  it('makes a release readable, whole, and the current one', async () => {
    const progress: string[] = [];
    const { pointer, stages, memory, removed } = await publish(1, {
      onProgress: ({ stage, done, total }: { stage: string; done: number; total: number }) =>
        progress.push(`${stage} ${done}/${total}`),
    });
    expect(await store.pointer()).toEqual(pointer);
    expect(pointer.manifestSha256).toBe(releases[0]!.manifest.manifestSha256);
    expect(stages.map(({ name }) => name)).toEqual(['clear', 'users', 'items', 'check', 'point', 'retire']);
    expect(progress).toEqual(expect.arrayContaining(['users 3/3', 'items 4/4', 'check 7/7']));
    expect(memory.predictedBytes).toBeGreaterThan(0);
    expect(removed).toEqual([]);
    const lists = await store.similarItems(
      { releaseId: idOf(1), itemRows: Uint32Array.of(1, 3), limit: 5 },
      callOptions(),
    );
    expect([...lists.rows]).toEqual([0, 2]);
    for (const userId of SMALL.userIds) {
      const context = await store.userContext({ releaseId: idOf(1), userId, historyLimit: 1 }, callOptions());
      expect(context.userKnown).toBe(true);
    }
    expect((await store.lease('another', 1_000)).holder).toBe('another');
  });

  it.each(['writeUsers', 'writeSimilarItems', 'hasUsers', 'seal', 'movePointer'] as const)(
    'that loses its connection at %s changes nothing for readers, and is gone on with',
    async (method) => {
      await publish(1);
      const broken = publish(2, { target: failing(method) });
      await expect(broken).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      expect((await store.pointer())?.releaseId).toBe(idOf(1));
      const again = await publish(2);
      expect(again.pointer.releaseId).toBe(idOf(2));
      expect(await store.unfinished()).toEqual([]);
    },
  );

  it('twice changes nothing', async () => {
    const first = await publish(1);
    const second = await publish(1);
    expect(second.pointer).toEqual(first.pointer);
    expect(second.memory.addedBytes).toBe(0);
  });

  it('removes what another publish has left half-way, and the oldest releases', async () => {
    await expect(publish(1, { target: failing('seal') })).rejects.toThrow();
    expect((await publish(2)).removed).toEqual([idOf(1)]);
    await publish(3);
    expect((await publish(4, { keep: 2 })).removed).toEqual([idOf(2)]);
    expect(await sealedIds()).toEqual([idOf(3), idOf(4)]);
  });

  it('spares the current release when an older one is published again', async () => {
    for (const hour of [1, 2, 3]) await publish(hour);
    const { removed } = await publish(1, { keep: 2 });
    expect(removed).toEqual([]);
    expect((await store.pointer())?.releaseId).toBe(idOf(1));
    expect(await sealedIds()).toEqual([idOf(1), idOf(2), idOf(3)]);
  });

  it('spares the release that was served until then, after a rollback an old one', async () => {
    for (const hour of [1, 2, 3]) await publish(hour);
    await withLease(store, 'rollback', 0, (holder) => store.movePointer(idOf(1), holder));
    expect((await publish(4, { keep: 2 })).removed).toEqual([idOf(2)]);
    expect(await sealedIds()).toEqual([idOf(1), idOf(3), idOf(4)]);
    // The next one needs no room for it: it goes before anything is measured.
    let atFirst: ReleaseId[] | undefined;
    const target = new Proxy(failing('close'), {
      get(of, name) {
        if (name !== 'memory') return Reflect.get(of, name) as unknown;
        return async () => {
          atFirst ??= await sealedIds();
          return store.memory();
        };
      },
    });
    expect((await publish(5, { keep: 2, despiteGate: true, target })).removed).toEqual([idOf(1), idOf(3)]);
    expect(atFirst).toEqual([idOf(3), idOf(4)]);
  });

  it('is refused beside another publisher', async () => {
    await withLease(store, 'publish x', 0, async () => {
      await expect(publish(1)).rejects.toMatchObject({
        code: 'FAILED_PRECONDITION',
        message: /another publisher is at work: publish x on .*pid \d+/,
      });
    });
    await publish(1);
  });

  it('of two at once comes one after the other, and the pointer names a whole release', async () => {
    await Promise.all([publish(1, { waitMs: 20_000 }), publish(2, { waitMs: 20_000 })]);
    expect((await sealedIds()).sort()).toEqual([idOf(1), idOf(2)].sort());
  });

  it('does not move the pointer when somebody has gone back meanwhile', async () => {
    await publish(1);
    const target = failing('seal');
    const interrupted = new Proxy(target, {
      get(of, name) {
        if (name !== 'seal') return Reflect.get(of, name) as unknown;
        return async (...sealed: Parameters<Store['seal']>) => {
          await store.lease('rollback', 1_000, { force: true });
          return store.seal(...sealed);
        };
      },
    });
    await expect(publish(2, { target: interrupted })).rejects.toMatchObject({ code: 'ABORTED' });
    expect((await store.pointer())?.releaseId).toBe(idOf(1));
  });

  it('seals nothing that another publisher has cleared meanwhile, and the next one finds what is left', async () => {
    await publish(1);
    const interrupted = new Proxy(failing('seal'), {
      get(of, name) {
        if (name !== 'seal') return Reflect.get(of, name) as unknown;
        return async (...sealed: Parameters<Store['seal']>) => {
          await withLease(store, 'rollback', 0, () => Promise.resolve(), { force: true });
          expect((await publish(3)).removed).toEqual([idOf(2)]);
          return store.seal(...sealed);
        };
      },
    });
    await expect(publish(2, { target: interrupted })).rejects.toMatchObject({ code: 'ABORTED' });
    expect([await sealedIds(), await store.unfinished()]).toEqual([[idOf(1), idOf(3)], [idOf(2)]]);
    expect((await publish(2)).pointer.releaseId).toBe(idOf(2));
  });

  it('does not take the lease again that somebody took from it and gave back', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const interrupted = withLease(store, 'publish x', 0, async (holder, check) => {
        await withLease(store, 'rollback', 0, () => Promise.resolve(), { force: true });
        vi.advanceTimersByTime(6_000);
        await vi.waitFor(() => {
          expect(check).toThrow(/lost to somebody who has given it back/);
        });
        expect(await store.renewLease(holder, 1_000)).toBeNull();
        check();
      });
      await expect(interrupted).rejects.toMatchObject({ code: 'ABORTED' });
    } finally {
      vi.useRealTimers();
    }
  });

  it('notices records that the store has lost before they are sealed', async () => {
    const forgetful = new Proxy(failing('close'), {
      get(of, name) {
        if (name !== 'writeSimilarItems') return Reflect.get(of, name) as unknown;
        return () => Promise.resolve();
      },
    });
    await expect(publish(1, { target: forgetful })).rejects.toMatchObject({ code: 'ABORTED', message: /lost records/ });
    expect(await sealedIds()).toEqual([]);
    await publish(1);
  });

  it('takes a release out again when the store is full', async () => {
    await publish(1);
    const full = new MicError('RESOURCE_EXHAUSTED', 'the store is full');
    const refused = publish(2, { target: failing('writeSimilarItems', full) });
    await expect(refused).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    expect(await store.unfinished()).toEqual([]);
    expect(await store.hasUsers(idOf(2), [{ row: 0, userId: SMALL.userIds[0]! }])).toBe(false);
    expect((await store.pointer())?.releaseId).toBe(idOf(1));
  });

  it('refuses a release that did not pass its gate, unless told otherwise', async () => {
    await expect(publish(5)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION', message: /did not pass its gate/ });
    expect((await publish(5, { despiteGate: true })).pointer.releaseId).toBe(idOf(5));
  });
});

describe('publishing into a Redis that is small or forgetful', () => {
  it('is refused before anything is written', async () => {
    const own = await startRedis(['--maxmemory', '5mb', '--maxmemory-policy', 'noeviction']);
    store = await RedisStore.open({ url: own.url });
    const large = { ...releases[0]!, shape: () => Promise.resolve({ ...SHAPE, users: 100_000, userIdBytes: 1e6 }) };
    await expect(publishRelease({ release: large, target: store })).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      message: /the release needs about \d+ MiB in the store, which has \d MiB of 5 MiB left/,
    });
    // A second try is no other.
    await expect(publishRelease({ release: large, target: store })).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
    });
    expect(await store.hasUsers(idOf(1), [{ row: 0, userId: SMALL.userIds[0]! }])).toBe(false);
    await store.close();
    await own.stop();
  });

  it('is refused where records may be evicted', async () => {
    const own = await startRedis(['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru']);
    store = await RedisStore.open({ url: own.url });
    const refused = { code: 'FAILED_PRECONDITION', message: /allkeys-lru/ };
    await expect(publish(1)).rejects.toMatchObject(refused);
    await expect(publish(1)).rejects.toMatchObject(refused);
    expect(await store.releases()).toEqual([]);
    await store.close();
    await own.stop();
  });

  const SHAPE = { items: 4, idDimension: 64, profileWidth: 5, similarUsers: 5_000_000, similarItems: 8 };
});
