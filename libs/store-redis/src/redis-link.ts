import { MicError } from '@mic/domain';
import { Cluster, type Redis } from 'ioredis';
import type { Key } from './keys';
import { clientOf } from './redis-client';
import { toStoreError } from './redis-error';
import type { RedisAddress } from './store-url';

export interface RedisLinkOptions {
  /** Longest time that one call to Redis may take, milliseconds. */
  readonly commandTimeoutMs: number;
  /** Calls that may wait for Redis at a time. */
  readonly maxInFlight: number;
}

/** One command for a pipeline; its key decides the slot. */
export interface Command {
  readonly key: Key;
  readonly words: readonly [name: string, ...args: (string | number | Buffer)[]];
}

/** Commands of one pipeline: large enough to save round trips, small enough not to hold up others. */
const PIPELINE_LENGTH = 512;

/**
 * A connection to Redis, single, behind Sentinel, or Cluster: MGET and pipelines by slot where there are slots. Nothing
 * is queued while Redis is away, calls end in time, and the connection comes back by itself.
 */
export class RedisLink {
  readonly #client: Redis | Cluster;
  readonly #options: RedisLinkOptions;
  readonly #shown: string;
  #inFlight = 0;

  private constructor(client: Redis | Cluster, options: RedisLinkOptions, shown: string) {
    this.#client = client;
    this.#options = options;
    this.#shown = shown;
  }

  /** @throws MicError UNAVAILABLE when nothing answers there; FAILED_PRECONDITION when it is no such Redis. */
  static async open(address: RedisAddress, options: RedisLinkOptions): Promise<RedisLink> {
    const client = clientOf(address);
    let reason: unknown;
    // Without a listener, the client prints every error of a connection; each call reports its own.
    client.on('error', (error) => (reason ??= error));
    const link = new RedisLink(client, options, address.shown);
    try {
      await within(client.connect(), options.commandTimeoutMs, 'no connection');
      if (client instanceof Cluster) await link.#reachMasters(client);
      else await link.#refuseCluster();
    } catch (error) {
      link.close();
      const isOwn = error instanceof Error && error.message !== 'Connection is closed.';
      const told = toStoreError(isOwn ? error : (reason ?? error), link.isCluster);
      throw new MicError(told.code, `${address.shown}: ${told.message}`, { ...detailsOf(told), cause: error });
    }
    return link;
  }

  close(): void {
    this.#client.disconnect();
  }

  /** The values of keys, null where there is none; one MGET, in a cluster one for each slot. */
  async get(keys: readonly Key[]): Promise<(Buffer | null)[]> {
    if (keys.length === 0) return [];
    const values = new Array<Buffer | null>(keys.length);
    await Promise.all(
      this.bySlot(keys.map((key, position) => ({ key, position }))).map(async (group) => {
        const found = await this.call((client) => client.mgetBuffer(group.map(({ key }) => key.name)));
        group.forEach(({ position }, i) => (values[position] = found[i] ?? null));
      }),
    );
    return values;
  }

  /**
   * Runs commands in pipelines and gives their answers in the order of the commands.
   * @throws the first error that an answer is.
   */
  async run(commands: readonly Command[]): Promise<unknown[]> {
    const answers = new Array<unknown>(commands.length);
    const groups = this.bySlot(commands.map(({ key, words }, position) => ({ key, words, position })));
    const parts = groups.flatMap((group) =>
      Array.from({ length: Math.ceil(group.length / PIPELINE_LENGTH) }, (_, i) =>
        group.slice(i * PIPELINE_LENGTH, (i + 1) * PIPELINE_LENGTH),
      ),
    );
    await Promise.all(
      parts.map(async (part) => {
        const replies = await this.call((client) => client.pipeline(part.map(({ words }) => [...words])).exec());
        part.forEach(({ position }, i) => {
          const [error, answer] = replies![i]!;
          if (error) throw toStoreError(error, this.isCluster);
          answers[position] = answer;
        });
      }),
    );
    return answers;
  }

  /** True when every key is there. */
  async haveAll(keys: readonly Key[]): Promise<boolean> {
    const parts = this.bySlot(keys.map((key) => ({ key }))).flatMap((group) =>
      Array.from({ length: Math.ceil(group.length / PIPELINE_LENGTH) }, (_, i) =>
        group.slice(i * PIPELINE_LENGTH, (i + 1) * PIPELINE_LENGTH).map(({ key }) => key.name),
      ),
    );
    const there = await Promise.all(parts.map((names) => this.call((client) => client.exists(...names))));
    return there.every((count, i) => count === parts[i]!.length);
  }

  get isCluster(): boolean {
    return this.#client instanceof Cluster;
  }

  /** Memory of all masters, and the bound of each where all have one. */
  async memory(): Promise<{ usedBytes: number; maxBytes: number | null; forgets: string | null }> {
    const nodes = this.#client instanceof Cluster ? this.#client.nodes('master') : [this.#client];
    const infos = await Promise.all(nodes.map((node) => this.call(() => node.info('memory'))));
    const number = (info: string, name: string): number =>
      Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
    const bounds = infos.map((info) => number(info, 'maxmemory'));
    const policies = infos.map((info) => /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? 'noeviction');
    const forgets = policies.find((policy, i) => bounds[i]! > 0 && policy !== 'noeviction');
    return {
      usedBytes: infos.reduce((sum, info) => sum + number(info, 'used_memory'), 0),
      maxBytes: bounds.every((bound) => bound > 0) ? bounds.reduce((sum, bound) => sum + bound, 0) : null,
      forgets: forgets === undefined ? null : `maxmemory-policy ${forgets}`,
    };
  }

  /** Runs a script over keys of one slot. */
  script(text: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    return this.call((client) => client.eval(text, keys.length, ...keys, ...args));
  }

  /** Names of all keys of a pattern, in portions, with the node that has them. */
  async *scan(pattern: string, portion: number): AsyncGenerator<{ node: Redis; names: Buffer[] }> {
    const nodes = this.#client instanceof Cluster ? this.#client.nodes('master') : [this.#client];
    for (const node of nodes) {
      let cursor = '0';
      do {
        const from = cursor;
        const [next, names] = await this.call(() => node.scanBuffer(from, 'MATCH', pattern, 'COUNT', portion));
        cursor = next.toString();
        if (names.length > 0) yield { node, names };
      } while (cursor !== '0');
    }
  }

  /** Removes keys of one node. */
  async unlink(node: Redis, names: readonly Buffer[]): Promise<void> {
    const replies = await this.call(() => node.pipeline(names.map((name) => ['unlink', name])).exec());
    for (const [error] of replies!) if (error) throw toStoreError(error, this.isCluster);
  }

  /**
   * One call to Redis, within its time. It counts as in flight until Redis answers, even when its caller has given up,
   * so that a Redis that does not answer cannot pile up calls.
   * @throws MicError RESOURCE_EXHAUSTED when too many wait already; otherwise Redis's error in our codes.
   */
  async call<T>(send: (client: Redis | Cluster) => Promise<T>): Promise<T> {
    if (this.#inFlight >= this.#options.maxInFlight) {
      throw new MicError('RESOURCE_EXHAUSTED', `${this.#inFlight} calls wait for the store already`, {
        subject: 'store',
        remedy: 'repeat later; if it stays, Redis is too slow for the load',
      });
    }
    this.#inFlight++;
    const answer = send(this.#client).finally(() => this.#inFlight--);
    try {
      return await within(answer, this.#options.commandTimeoutMs, 'no answer');
    } catch (error) {
      throw toStoreError(error, this.isCluster);
    }
  }

  /** Entries grouped by the slot of their key; one group where there are no slots. */
  bySlot<T extends { readonly key: Key }>(entries: readonly T[]): T[][] {
    if (!(this.#client instanceof Cluster)) return entries.length > 0 ? [[...entries]] : [];
    const groups = new Map<number, T[]>();
    for (const entry of entries) {
      const group = groups.get(entry.key.bucket);
      if (group) group.push(entry);
      else groups.set(entry.key.bucket, [entry]);
    }
    return [...groups.values()];
  }

  /** The client connects to a node with its first command: not with a caller's. */
  async #reachMasters(cluster: Cluster): Promise<void> {
    await Promise.all(cluster.nodes('master').map((node) => this.call(() => node.ping())));
  }

  async #refuseCluster(): Promise<void> {
    const info = await this.call((client) => client.info('cluster'));
    if (!/cluster_enabled:1/.test(info)) return;
    throw new MicError('FAILED_PRECONDITION', `${this.#shown} is part of a cluster`, {
      subject: 'store',
      remedy: 'write redis+cluster:// in place of redis:// in the store address',
    });
  }
}

const detailsOf = ({ remedy, subject }: MicError): { remedy?: string; subject?: string } => ({ remedy, subject });

async function within<T>(answer: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(
        new MicError('UNAVAILABLE', `the store does not answer: ${what} within ${timeoutMs} ms`, {
          subject: 'store',
          remedy: 'check that Redis runs and can be reached, then repeat',
        }),
      );
    }, timeoutMs);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
