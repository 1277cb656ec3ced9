import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { startRedis, type RedisProcess } from './redis-process';

export interface RedisClusterOptions {
  /** A replica of each master that takes its place when it is gone; without it there are none. */
  readonly replicas?: boolean;
  /** After so long without an answer a node counts as failed, milliseconds; 2,000 by default. */
  readonly nodeTimeoutMs?: number;
  /** Whether all slots are refused while some have no master (cluster-require-full-coverage); true by default, as in Redis. */
  readonly fullCoverage?: boolean;
}

/** A Redis Cluster of a test's own, on the loopback. */
export interface RedisCluster {
  readonly url: string;
  /** Three that share all slots. */
  readonly masters: readonly RedisProcess[];
  /** The replica of each master, in their order. */
  readonly replicas: readonly RedisProcess[];
  /** Sends a command to one node, outside of the cluster's ways. @throws Error of Redis, or when the node is gone. */
  ask(node: RedisProcess, ...words: readonly string[]): Promise<unknown>;
  /** The master and its replica, as they were at the start, that have the slot of a key. */
  ownersOf(key: string): Promise<{ readonly master: RedisProcess; readonly replica: RedisProcess }>;
  /**
   * Starts a node again that has ended, with what it knew of the cluster; on another port, for its own may be somebody else's by
   * now.
   */
  restart(node: RedisProcess): Promise<RedisProcess>;
  stop(): Promise<void>;
}

const SLOTS = 16_384;
const MASTERS = 3;
const PAUSE_MS = 50;
const START_MS = 30_000;

/** A cluster of three masters that share all slots. */
export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  const { replicas: hasReplicas = false, nodeTimeoutMs = 2_000, fullCoverage = true } = options;
  const directory = await mkdtemp(join(tmpdir(), 'mic-cluster-'));
  const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', String(nodeTimeoutMs)];
  args.push('--repl-diskless-sync-delay', '0', '--cluster-require-full-coverage', fullCoverage ? 'yes' : 'no');
  const count = hasReplicas ? 2 * MASTERS : MASTERS;
  const folders = await Promise.all(Array.from({ length: count }, () => mkdtemp(join(directory, 'node-'))));
  const running = await Promise.all(folders.map((folder) => startRedis(args, { directory: folder })));
  const masters = running.slice(0, MASTERS);
  const replicas = running.slice(MASTERS);
  const again: RedisProcess[] = [];
  const cluster: RedisCluster = {
    url: `redis+cluster://${masters.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    masters,
    replicas,
    ask,
    async ownersOf(key) {
      const slot = Number(await ask(masters[0]!, 'CLUSTER', 'KEYSLOT', key));
      const i = masters.findIndex((_, n) => slot < Math.floor(((n + 1) * SLOTS) / MASTERS));
      return { master: masters[i]!, replica: replicas[i]! };
    },
    async restart({ port }) {
      const folder = folders[running.findIndex((node) => node.port === port)]!;
      const node = await startRedis(args, { directory: folder });
      again.push(node);
      return node;
    },
    async stop() {
      await Promise.all([...running, ...again].map((node) => node.stop()));
      await rm(directory, { recursive: true, force: true });
    },
  };
  try {
    await introduce(cluster);
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

/** Lets the nodes know each other, and waits until all agree and every replica has its master's data. */
async function introduce({ masters, replicas }: RedisCluster): Promise<void> {
  const nodes = [...masters, ...replicas];
  // Nodes that begin with one epoch make them different while they meet; a replica that does not hear of it in time is never elected:
  // voters refuse a master's slots by an epoch older than the one they know.
  await Promise.all(nodes.map((node, i) => ask(node, 'CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1))));
  await Promise.all(
    masters.map((node, i) => {
      const range = [Math.floor((i * SLOTS) / MASTERS), Math.floor(((i + 1) * SLOTS) / MASTERS) - 1];
      return ask(node, 'CLUSTER', 'ADDSLOTSRANGE', ...range.map(String));
    }),
  );
  for (const { port } of nodes.slice(1)) await ask(masters[0]!, 'CLUSTER', 'MEET', '127.0.0.1', String(port));
  await until(async () => {
    const infos = await Promise.all(nodes.map(async (node) => String(await ask(node, 'CLUSTER', 'INFO'))));
    return infos.every((info) => info.includes(`cluster_known_nodes:${nodes.length}\r`) && info.includes('state:ok'));
  });
  for (const [i, replica] of replicas.entries()) {
    const id = String(await ask(masters[i]!, 'CLUSTER', 'MYID'));
    await ask(replica, 'CLUSTER', 'REPLICATE', id);
  }
  await until(async () => {
    const infos = await Promise.all(replicas.map(async (node) => String(await ask(node, 'INFO', 'replication'))));
    return infos.every((info) => info.includes('master_link_status:up'));
  });
  await until(async () => {
    const known = String(await ask(masters[0]!, 'CLUSTER', 'NODES'));
    return known.split(' slave ').length === replicas.length + 1;
  });
}

async function ask({ port }: RedisProcess, ...words: readonly string[]): Promise<unknown> {
  const client = new Redis({ port, lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  client.on('error', () => {});
  try {
    await client.connect();
    return await client.call(words[0]!, ...words.slice(1));
  } finally {
    client.disconnect();
  }
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const giveUpAt = Date.now() + START_MS;
  while (!(await isSo())) {
    if (Date.now() > giveUpAt) throw new Error(`the cluster did not come up within ${START_MS} ms`);
    await sleep(PAUSE_MS);
  }
}
