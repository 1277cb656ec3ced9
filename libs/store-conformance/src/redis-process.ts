import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

/** A redis-server of a test's own, on the loopback. */
export interface RedisProcess {
  readonly port: number;
  readonly url: string;
  readonly process: ChildProcess;
  /** Ends it, by SIGKILL unless told otherwise, and removes its data. */
  stop(): Promise<void>;
}

/** A port that nothing listens on; a cluster bus needs the one 10,000 above it as well. */
async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, 'close');
    if (port < 50_000) return port;
  }
}

/**
 * Starts a redis-server without persistence, or with what `args` say, and waits until it answers.
 *
 * @throws Error with what it printed when it does not start, or another server answers on its port.
 */
export async function startRedis(
  args: readonly string[] = [],
  options: { readonly port?: number; readonly directory?: string } = {},
): Promise<RedisProcess> {
  const port = options.port ?? (await freePort());
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'mic-redis-')));
  const own = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--loglevel', 'warning'];
  const child = spawn('redis-server', [...own, '--save', '', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.on('error', (error) => (printed += error.message));
  const ended = once(child, 'exit').catch(() => []);
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    if (options.directory === undefined) await rm(directory, { recursive: true, force: true });
  };
  const client = new Redis({ port, lazyConnect: true, retryStrategy: () => 20, maxRetriesPerRequest: null });
  client.on('error', () => {});
  try {
    const timeout = new Promise<never>((_, reject) =>
      setTimeout(() => {
        reject(new Error(`redis-server did not start (on Debian: apt-get install redis-server): ${printed}`));
      }, 10_000).unref(),
    );
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
    await Promise.race([answer, timeout]);
  } catch (error) {
    await stop();
    throw error;
  } finally {
    client.disconnect();
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
