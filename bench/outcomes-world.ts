import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRedis, type RedisProcess } from '@mic/redis-process';
import { serveOne, up, type Installation, type LogLine, type ServiceName } from './installation';
import type { LoopDelay } from './own-delay';

export type Shape = 'one' | 'four';

/** A system that answers, in one of its shapes. */
export interface Running {
  readonly shape: Shape;
  /** `host:port` that callers call. */
  readonly target: string;
  /** Delays that the process which callers call has logged of its event loop. */
  serverDelays(): LoopDelay[];
  /** Of the four services. */
  freeze(name: ServiceName): void;
  thaw(name: ServiceName): void;
  kill(name: ServiceName): void;
  /** Starts a service that was killed, where it was. */
  restart(name: ServiceName): Promise<void>;
  stop(): Promise<void>;
}

export async function startShape(shape: Shape, home: string, store: string): Promise<Running> {
  const flags = ['--home', home, '--store', store, '--log-level', 'info', '--no-event-log'];
  return shape === 'one' ? oneProcess(flags) : fourServices(flags);
}

async function oneProcess(flags: readonly string[]): Promise<Running> {
  const { address, log, stop } = await serveOne(...flags);
  const refuse = (): never => {
    throw new Error('one process has no services of its own');
  };
  return {
    shape: 'one',
    target: address,
    serverDelays: () => loggedDelays(log, 'mic'),
    freeze: refuse,
    thaw: refuse,
    kill: refuse,
    restart: refuse,
    stop,
  };
}

async function fourServices(flags: readonly string[]): Promise<Running> {
  const { services, log, stop } = await up(...flags);
  const pids = new Map(Object.entries(services).map(([name, { pid }]) => [name, pid]));
  const signal = (name: ServiceName, kind: NodeJS.Signals): void => {
    process.kill(pids.get(name)!, kind);
  };
  const restarted: Installation[] = [];
  return {
    shape: 'four',
    target: services['recall-gateway'].address,
    serverDelays: () => loggedDelays(log, 'recall-gateway'),
    freeze: (name) => {
      signal(name, 'SIGSTOP');
    },
    thaw: (name) => {
      signal(name, 'SIGCONT');
    },
    kill: (name) => {
      signal(name, 'SIGKILL');
    },
    restart: async (name) => {
      const again = await up(...flags.slice(0, 2), '--only', name);
      pids.set(name, again.services[name].pid);
      restarted.push(again);
    },
    stop: async () => {
      for (const again of restarted) await again.stop();
      await stop();
    },
  };
}

/** A service looks at its event loop so often. */
const TICK_MS = 10;

/** What a service has logged of the delays of its event loop. */
export function loggedDelays(log: readonly LogLine[], service: string): LoopDelay[] {
  return log
    .filter((line) => line.service === service && line.msg === 'event loop was delayed')
    .flatMap(({ delays }) => delays as [endedAtMs: number, ms: number][])
    .map(([toMs, delayMs]) => ({ fromMs: toMs - delayMs - TICK_MS, toMs, delayMs }));
}

/** A Redis of its own that can be ended, and comes back with its data. */
export class OwnRedis {
  readonly #directory: string;
  #redis: RedisProcess;

  private constructor(directory: string, redis: RedisProcess) {
    this.#directory = directory;
    this.#redis = redis;
  }

  static async start(): Promise<OwnRedis> {
    const directory = await mkdtemp(join(tmpdir(), 'mic-outcomes-redis-'));
    return new OwnRedis(directory, await startRedis(DURABLE, { directory }));
  }

  get port(): number {
    return this.#redis.port;
  }

  get url(): string {
    return this.#redis.url;
  }

  freeze(): void {
    this.#redis.process.kill('SIGSTOP');
  }

  thaw(): void {
    this.#redis.process.kill('SIGCONT');
  }

  async end(): Promise<void> {
    await this.#redis.stop();
  }

  async comeBack(): Promise<void> {
    this.#redis = await startRedis(DURABLE, { directory: this.#directory, port: this.port });
  }

  async remove(): Promise<void> {
    await this.#redis.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** What is written has left the process before it is answered: a kill loses nothing. */
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'everysec'];
