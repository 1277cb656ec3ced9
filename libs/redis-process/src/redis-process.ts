import { spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';

/** A redis-server of a test's own, on the loopback. */
export interface RedisProcess {
  readonly port: number;
  readonly url: string;
  readonly process: ChildProcess;
  /** Ends it, by SIGKILL unless told otherwise, and removes its data. */
  stop(): Promise<void>;
}

/** Between them a server's port is drawn; its cluster bus is 10,000 above it. Both are below what Linux gives to outgoing connections. */
const LOWEST_PORT = 10_000;
const HIGHEST_PORT = 22_000;
const BUS_ABOVE = 10_000;
const START_MS = 10_000;
const TRIES = 5;
const IS_TAKEN = /another server answers on port|Address already in use/;

/** A port that nothing listens on, and nothing on that of its cluster bus. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST_PORT, HIGHEST_PORT);
    if ((await isFree(port)) && (await isFree(port + BUS_ABOVE))) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}

/**
 * Starts a redis-server without persistence, or with what `args` say, and waits until it answers. A port that another takes between
 * the look and the start is left to it, unless `port` asks for that one.
 *
 * @throws Error with what it printed when it does not start, or another server answers on its port.
 */
export async function startRedis(
  args: readonly string[] = [],
  options: { readonly port?: number; readonly directory?: string } = {},
): Promise<RedisProcess> {
  if (options.port !== undefined) return startRedisOn(options.port, args, options.directory);
  for (let tries = 1; ; tries++) {
    try {
      return await startRedisOn(await freePort(), args, options.directory);
    } catch (error) {
      if (tries === TRIES || !IS_TAKEN.test((error as Error).message)) throw error;
    }
  }
}

async function startRedisOn(port: number, args: readonly string[], given?: string): Promise<RedisProcess> {
  const directory = given ?? (await mkdtemp(join(tmpdir(), 'mic-redis-')));
  const own = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--loglevel', 'warning'];
  const child = spawn('redis-server', [...own, '--save', '', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  }
  child.on('error', (error) => (printed += error.message));
  const ended = once(child, 'close').catch(() => []); // by an error: there is no such program
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    if (given === undefined) await rm(directory, { recursive: true, force: true });
  };
  const client = new Redis({ port, lazyConnect: true, retryStrategy: () => 20, maxRetriesPerRequest: null });
  client.on('error', () => {});
  const answer = client.info('server').then(
    (info) => {
      // A port that was free a moment ago may have gone to a server of another spec, which answers as gladly.
      if (info.includes(`process_id:${child.pid}\r`)) return;
      throw new Error(`another server answers on port ${port}: ${printed}`);
    },
    (error: Error) => {
      if (!error.message.startsWith('NOAUTH')) throw error; // it answers: it wants a password
    },
  );
  const noAnswer = Promise.race([ended, sleep(START_MS, undefined, { ref: false })]).then(() => {
    throw new Error(`redis-server did not start (on Debian: apt-get install redis-server): ${printed}`);
  });
  try {
    await Promise.race([answer, noAnswer]);
  } catch (error) {
    await stop();
    throw error;
  } finally {
    client.disconnect();
    for (const left of [answer, noAnswer]) left.catch(() => {}); // whichever comes second, and too late
  }
  return { port, url: `redis://127.0.0.1:${port}`, process: child, stop };
}

/** A master, a replica and a sentinel that watches them under the name `mic-master`. */
export async function startRedisSentinel(): Promise<{
  readonly url: string;
  readonly master: RedisProcess;
  readonly replica: RedisProcess;
  stop(): Promise<void>;
}> {
  const master = await startRedis();
  const replica = await startRedis([
    '--replicaof',
    '127.0.0.1',
    String(master.port),
    '--repl-diskless-sync-delay',
    '0',
  ]);
  const directory = await mkdtemp(join(tmpdir(), 'mic-sentinel-'));
  const port = await freePort();
  const file = join(directory, 'sentinel.conf');
  await writeFile(
    file,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `sentinel monitor mic-master 127.0.0.1 ${master.port} 1`,
      'sentinel down-after-milliseconds mic-master 500',
      'sentinel failover-timeout mic-master 5000',
      '',
    ].join('\n'),
  );
  const child = spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  const client = new Redis({ port, retryStrategy: () => 20, maxRetriesPerRequest: null });
  client.on('error', () => {});
  const knowsReplica = async (): Promise<boolean> =>
    ((await client.call('SENTINEL', 'REPLICAS', 'mic-master')) as unknown[]).length === 1;
  while (!(await knowsReplica())) await new Promise((r) => setTimeout(r, 50));
  client.disconnect();
  return {
    url: `redis+sentinel://127.0.0.1:${port}/mic-master`,
    master,
    replica,
    stop: async () => {
      child.kill('SIGKILL');
      await ended;
      await Promise.all([master.stop(), replica.stop()]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}
