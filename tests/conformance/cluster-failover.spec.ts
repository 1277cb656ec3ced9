import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashIds, type Interaction } from '@mic/domain';
import { startRedisCluster, type RedisCluster, type RedisProcess } from '@mic/redis-process';
import { openRelease, publishRelease, ReleaseWriter, type OpenRelease } from '@mic/release';
import { RedisStore } from '@mic/store-redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SMALL, smallMeta, writeSmallFiles } from '../../libs/release/src/spec-fixture';

/** Long enough for what a spec does before the others call a master failed. */
const NODE_TIMEOUT_MS = 4_000;
const PROMOTED = { timeout: 30_000, interval: 100 };

let folder: string;
let cluster: RedisCluster;
let store: RedisStore;
let release: OpenRelease;
let master: RedisProcess;
let replica: RedisProcess;
/** Users whose histories are on the master that goes, and on another one. */
let onGone: string;
let onOther: string;
const acknowledged: Interaction[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mic-failover-'));
  cluster = await startRedisCluster({ replicas: true, nodeTimeoutMs: NODE_TIMEOUT_MS });
  store = await RedisStore.open({ url: cluster.url });
  release = await makeRelease('2024-05-06T01:00:00Z');
  await publishRelease({ release, target: store });
  ({ master, replica } = await cluster.ownersOf('mic:{meta}:pointer'));
  for (let i = 0; onGone === undefined || onOther === undefined; i++) {
    const userId = `live-${i}`;
    const owner = await cluster.ownersOf(`{${hashIds([userId])[0]! % 64}}`);
    if (owner.master === master) onGone ??= userId;
    else onOther ??= userId;
  }
}, 60_000);
afterAll(async () => {
  await store.close();
  await cluster.stop();
  await rm(folder, { recursive: true, force: true });
});

async function makeRelease(createdAt: string): Promise<OpenRelease> {
  const writer = await ReleaseWriter.open(join(folder, 'releases'));
  await writeSmallFiles(writer);
  const { id } = await writer.finish({ ...smallMeta(), createdAt });
  return openRelease(join(folder, 'releases', id));
}

async function append(userId: string): Promise<void> {
  const event = { userId, itemId: `item ${acknowledged.length}`, timeMs: acknowledged.length, weight: 1 };
  expect(await store.appendEvents([event])).toEqual({ accepted: 1, duplicates: 0, tooOld: 0 });
  acknowledged.push(event);
}

const context = (userId: string) => {
  const request = { releaseId: release.releaseId, userId, historyLimit: 1_000 };
  return store.userContext(request, { signal: new AbortController().signal, requestId: 'spec' });
};
const timesOf = async (userId: string) => Array.from((await context(userId)).history.timesMs);
const expected = (userId: string) =>
  acknowledged
    .filter((event) => event.userId === userId)
    .map(({ timeMs }) => timeMs)
    .reverse();
const replicated = async () => {
  const info = async (node: RedisProcess) => String(await cluster.ask(node, 'INFO', 'replication'));
  const sent = /^master_repl_offset:(\d+)/m.exec(await info(master))![1];
  return (await info(replica)).includes(`slave_repl_offset:${sent}\r`);
};

describe('a cluster of which a master goes', { timeout: 60_000 }, () => {
  it('answers for the users of the others while it is silent', async () => {
    await append(onGone);
    master.process.kill('SIGSTOP');
    const state = { stuck: true };
    const event = { userId: onGone, itemId: 'stuck', timeMs: 1e9, weight: 1 };
    const stuck = store.appendEvents([event]).then(
      () => true,
      () => false,
    );
    void stuck.then(() => (state.stuck = false));
    await append(onOther);
    expect(await timesOf(onOther)).toEqual(expected(onOther));
    expect(state.stuck).toBe(true);
    master.process.kill('SIGCONT');
    if (await stuck) acknowledged.push(event);
  });

  it('refuses what was on it as UNAVAILABLE until its replica has taken its place, and has lost nothing then', async () => {
    await append(onGone);
    await append(onOther);
    await expect.poll(replicated, PROMOTED).toBe(true);
    master.process.kill('SIGKILL');
    await expect(context(onGone)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(store.pointer()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await append(onOther);
    const pointer = () => store.pointer().catch(() => null);
    await expect.poll(pointer, PROMOTED).toMatchObject({ releaseId: release.releaseId });
    for (const userId of [onGone, onOther]) {
      await append(userId);
      expect((await timesOf(userId)).sort()).toEqual(expected(userId).sort());
    }
    for (const userId of SMALL.userIds) expect((await context(userId)).userKnown).toBe(true);
  });

  it('takes another release with the new master, and the old one back as a replica', async () => {
    const next = await makeRelease('2024-05-06T02:00:00Z');
    await publishRelease({ release: next, target: store });
    expect((await store.pointer())?.releaseId).toBe(next.releaseId);
    const back = await cluster.restart(master);
    await expect.poll(async () => String(await cluster.ask(back, 'ROLE')), PROMOTED).toMatch(/^slave,.*connected/);
    await append(onGone);
  });
});
