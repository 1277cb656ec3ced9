import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import {
  AppendEventsRequest,
  EventServiceClient,
  ItemServiceClient,
  RecallRequest,
  RecallServiceClient,
  RemoveItemsRequest,
  UpsertItemsRequest,
  type RecallResponse,
} from '@mic/contracts';
import { startRedis } from '@mic/redis-process';
import { checkHealth, createClient, unary } from '@mic/rpc';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { serve, up, type ServiceName, type Up } from './processes';
import { succeed } from './small-home';
import { ITEMS, makeWorkedHome, RIGHT_OF_SECOND, writeWorkedRelease } from './worked-world';

type Request = NonNullable<Parameters<typeof RecallRequest.fromPartial>[0]>;
type Items = NonNullable<Parameters<typeof UpsertItemsRequest.fromPartial>[0]>['items'];

const SERVICES: ServiceName[] = ['neighbor-store', 'user-embedder', 'ann-service', 'recall-gateway'];
/** Those that keep live items, or read them. */
const READ_LIVE_ITEMS: ServiceName[] = ['neighbor-store', 'recall-gateway'];
const DEADLINE = { deadlineMs: 20_000 };
/** What the API promises of other replicas. */
const WITHIN_A_SECOND = { timeout: 1_000, interval: 20 };
/** Restarts, polls of a second, and a busy machine. */
const IN_TIME = { timeout: 30_000, interval: 50 };

/** A process that serves the public API. */
class Replica {
  readonly #recall: RecallServiceClient;
  readonly #events: EventServiceClient;
  readonly #items: ItemServiceClient;

  constructor(readonly address: string) {
    this.#recall = createClient(RecallServiceClient, address);
    this.#events = createClient(EventServiceClient, address);
    this.#items = createClient(ItemServiceClient, address);
  }

  ask(request: Request): Promise<RecallResponse> {
    return unary(this.#recall, 'recall', RecallRequest.fromPartial({ explain: true, n: 20, ...request }), DEADLINE);
  }

  async append(...seen: (readonly [userId: string, itemId: string, timeMs: number])[]): Promise<void> {
    const events = seen.map(([userId, itemId, timeMs]) => ({ userId, itemId, timeMs, weight: 1 }));
    await unary(this.#events, 'appendEvents', AppendEventsRequest.fromPartial({ events }), DEADLINE);
  }

  async upsert(items: Items): Promise<number> {
    return (await unary(this.#items, 'upsertItems', UpsertItemsRequest.fromPartial({ items }), DEADLINE)).revision;
  }

  async remove(...itemIds: string[]): Promise<number> {
    return (await unary(this.#items, 'removeItems', RemoveItemsRequest.fromPartial({ itemIds }), DEADLINE)).revision;
  }

  close(): void {
    for (const client of [this.#recall, this.#events, this.#items]) client.close();
  }
}

/** Starts a service of a home beside the others. @param env what it reads beside its own address. */
async function startAlone(name: ServiceName, env: Record<string, string>): Promise<ChildProcess & { address: string }> {
  const program = fileURLToPath(new URL(`../../apps/${name}/dist/main.mjs`, import.meta.url));
  const child = spawn(process.execPath, [program], {
    env: { PATH: process.env.PATH, MIC_ADDRESS: '127.0.0.1:0', MIC_LOG_LEVEL: 'error', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const { address } = JSON.parse(line) as { address: string };
  await vi.waitFor(async () => {
    expect(await checkHealth(address, '', 1_000)).toBe('SERVING');
  }, IN_TIME);
  return Object.assign(child, { address });
}

const bare = (text: string): string => text.replace(/^(CHANNEL|OUTCOME|DROP_REASON)_/, '');
/** Nobody knows this user, whose fields put the vector to (1, 0). */
const STRANGER: Request = { userId: 'x', userFields: { side: { text: 'right' } } };

/** The score by which U2I finds an item for some user; null where it does not. */
function similarityTo(itemId: string, { items }: RecallResponse): number | null {
  const found = items.find((item) => item.itemId === itemId)?.sources.find(({ channel }) => bare(channel) === 'U2I');
  return found === undefined ? null : Math.round(found.score * 1e4) / 1e4;
}
/** Why an item is not returned, and which channels found it. */
function droppedFrom(itemId: string, { dropped }: RecallResponse): [reason: string, channels: string[]] | null {
  const found = dropped.find((candidate) => candidate.itemId === itemId);
  return found ? [bare(found.reason), found.channels.map(bare)] : null;
}

/**
 * Users, events and items that are newer than the release, through real services over a store.
 *
 * @param kind what has nothing to do with the store is looked at over LMDB alone.
 */
export function liveSuite(kind: 'LMDB' | 'Redis'): void {
  const isEmbedded = kind === 'LMDB';
  let home: string;
  let store: string;
  let first: string;
  let second: string;
  let profiles: string;
  /** Ends what was started, the last first. */
  const ends: (() => unknown)[] = [];
  let services: Up['services'];
  let gateway: Replica;
  let other: Replica;

  beforeAll(async () => {
    const redis = isEmbedded ? null : await startRedis();
    ends.push(() => redis?.stop());
    const made = await makeWorkedHome(redis?.url);
    ({ home, releaseId: first, profiles } = made);
    ends.push(() => rm(home, { recursive: true, force: true }));
    store = redis?.url ?? join(home, 'store');
    const four = await up(home, '--store', store, '--profiles', profiles);
    ends.push(() => four.stop('SIGKILL'));
    services = { ...four.services };
    const another = await startAlone('recall-gateway', {
      MIC_STORE: store,
      MIC_RELEASES: join(home, 'releases'),
      MIC_PROFILES: profiles,
      MIC_USER_EMBEDDER: services['user-embedder'].address,
      MIC_ANN_SERVICE: services['ann-service'].address,
      MIC_NEIGHBOR_STORE: services['neighbor-store'].address,
    });
    ends.push(() => another.kill('SIGKILL'));
    gateway = new Replica(services['recall-gateway'].address);
    other = new Replica(another.address);
    for (const replica of [gateway, other])
      ends.push(() => {
        replica.close();
      });
  });
  afterAll(async () => {
    for (const end of ends.reverse()) await end();
  });

  const at = () => ['--home', home, '--store', store];
  const began = Date.now() - 60_000;

  it('an event is counted by the next request: seen, in the history, in the user’s vector', async () => {
    await gateway.append(['u', 'd', began], ['u', 'a', began + 1], ['v', 'a', began], ['v', 'c', began + 1]);
    await gateway.append(['w', 'c', began], ['w', 'e', began + 1]);
    // u is at (1, 0).
    const before = await gateway.ask({ userId: 'u' });
    expect(['b', 'c', 'e', 'f'].map((item) => similarityTo(item, before))).toEqual([0.8, 0.6, -0.6, -1]);
    await gateway.append(['u', 'b', began + 2]);
    // The event of b moves u to (.6, .8).
    for (const replica of [gateway, other]) {
      const after = await replica.ask({ userId: 'u' });
      expect(['b', 'c', 'e', 'f'].map((item) => similarityTo(item, after))).toEqual([null, 1, 0.28, -0.6]);
      expect(droppedFrom('b', after)?.[0]).toBe('SEEN');
    }
    // Someone else's next request knows it, too: u is most like a stranger on the right, and has just met b.
    const { items } = await gateway.ask(STRANGER);
    const byUsers = items.find(({ itemId }) => itemId === 'b')!.sources.find(({ trigger }) => trigger === 'u');
    expect(byUsers).toMatchObject({ channel: 'CHANNEL_U2U2I', score: 1 });
  });

  it('an unknown user is answered by all channels, from fields, inline history and a search for similar users', async () => {
    // At (1, 0), having met a: u is at 1 and met b, a and d; v at .6, w at 0.
    const response = await gateway.ask({ ...STRANGER, inlineHistory: [{ itemId: 'a', timeMs: 1_000 }] });
    expect(response).toMatchObject({
      ...{ userKnown: false, degraded: false, basicScore: 'BASIC_SCORE_USER_VECTOR' },
    });
    expect(response.channels.slice(0, 3).map(({ outcome }) => bare(outcome))).toEqual(['OK', 'OK', 'OK']);
    const [best] = response.items;
    expect(best).toMatchObject({ itemId: 'b' });
    expect(best!.sources.map(({ channel, trigger }) => [bare(channel), trigger])).toEqual([
      ['U2I', ''],
      ['U2U2I', 'u'],
      ['U2I2I', 'a'],
    ]);
  });

  it('an item of which only fields are known is retrievable at once, within a second on the other replica', async () => {
    // On the right: (.96, .28). It is of no release.
    const revision = await gateway.upsert([
      { itemId: 'g', fields: { kind: { text: 'three' }, place: { text: 'right' } } },
    ]);
    await expect
      .poll(async () => similarityTo('g', await other.ask(STRANGER)), WITHIN_A_SECOND)
      .toBe(similarityTo('g', await gateway.ask(STRANGER)));
    const { items, itemsRevision } = await gateway.ask({ ...STRANGER, onlyItemIds: ['g'] });
    expect(itemsRevision).toBe(revision);
    expect(items).toMatchObject([{ itemId: 'g', category: 'three', sources: [{ score: expect.closeTo(0.96, 4) }] }]);
    // One that says nothing of its place is at (0, -1), and one that the next release will know on the left.
    await other.upsert([{ itemId: 'h' }, { itemId: 'k', fields: { place: { text: 'left' } } }]);
    for (const [itemId, similarity] of [
      ['h', 0],
      ['k', -1],
    ] as const) {
      expect(similarityTo(itemId, await other.ask(STRANGER))).toBeCloseTo(similarity, 4);
      await expect
        .poll(async () => similarityTo(itemId, await gateway.ask(STRANGER)), WITHIN_A_SECOND)
        .toBeCloseTo(similarity, 4);
    }
  });

  it('an item that the tower can give no vector is left out, and holds no other one up', async () => {
    await gateway.upsert([
      { itemId: 'nowhere', fields: { place: { text: 'nowhere' } } },
      { itemId: 'm', fields: { place: { text: 'right' } } },
    ]);
    expect(similarityTo('m', await gateway.ask(STRANGER))).toBe(0.96);
    await expect.poll(async () => similarityTo('m', await other.ask(STRANGER)), WITHIN_A_SECOND).toBe(0.96);
    for (const replica of [gateway, other]) {
      expect((await replica.ask({ ...STRANGER, onlyItemIds: ['nowhere'] })).items).toEqual([]);
    }
    await gateway.upsert([{ itemId: 'nowhere', fields: { place: { text: 'left' } } }]);
    expect(similarityTo('nowhere', await gateway.ask(STRANGER))).toBe(-1);
    await gateway.remove('nowhere', 'm');
  });

  it('an item of the release keeps its vector and takes its new category over', async () => {
    await gateway.upsert([{ itemId: 'f', fields: { kind: { text: 'one' }, place: { text: 'right' } } }]);
    const response = await gateway.ask({ ...STRANGER, categories: ['one'] });
    expect(response.items.map(({ itemId }) => itemId).sort()).toEqual(['a', 'b', 'f']);
    expect(similarityTo('f', response)).toBe(-1);
  });

  it('a removed item is hidden in all channels at once, within a second on the other replica', async () => {
    const asked: Request = { userId: 'u', profile: 'popular' };
    const hidden = ['HIDDEN', ['U2I', 'U2U2I', 'U2I2I', 'POPULAR']];
    expect(similarityTo('c', await gateway.ask(asked))).toBe(1);
    await gateway.remove('c', 'h', 'of no release');
    expect(droppedFrom('c', await gateway.ask(asked))).toEqual(hidden);
    expect(similarityTo('h', await gateway.ask(STRANGER))).toBeNull();
    await expect.poll(async () => droppedFrom('c', await other.ask(asked)), WITHIN_A_SECOND).toEqual(hidden);
    expect((await gateway.ask({ ...asked, onlyItemIds: ['c'] })).items).toEqual([]);
    // What is upserted is back.
    await gateway.upsert([{ itemId: 'h' }]);
    expect(similarityTo('h', await gateway.ask(STRANGER))).toBeCloseTo(0, 4);
  });

  /** Everything that was said above, as both replicas see it; the rest depends on the item tower of the release. */
  const said = async (): Promise<unknown[]> =>
    Promise.all(
      [gateway, other].map(async (replica) => {
        const [u, stranger] = [await replica.ask({ userId: 'u', profile: 'popular' }), await replica.ask(STRANGER)];
        return {
          release: stranger.releaseId,
          outcomes: u.channels.map(({ outcome }) => bare(outcome)),
          seen: droppedFrom('b', u)?.[0],
          hidden: droppedFrom('c', u),
          moved: similarityTo('e', u),
          category: stranger.items.find(({ itemId }) => itemId === 'f')?.category,
          live: ['g', 'h', 'k'].map((itemId) => similarityTo(itemId, stranger)),
        };
      }),
    ).catch((error: Error) => [error.message]);
  const expected = (release: string, live: readonly number[]): unknown[] => {
    const seen = {
      release,
      outcomes: ['OK', 'OK', 'OK', 'OK'],
      seen: 'SEEN',
      hidden: ['HIDDEN', ['U2I', 'U2U2I', 'U2I2I', 'POPULAR']],
      moved: 0.28,
      category: 'one',
      live: live.map((similarity) => expect.closeTo(similarity, 4) as number),
    };
    return [seen, seen];
  };
  const OF_FIRST = [0.96, 0, -1];
  /** The second release puts what is on the right to (.8, -.6), and knows k at (0, 1). */
  const OF_SECOND = [0.8, 0, 0];

  it.each(isEmbedded ? SERVICES : READ_LIVE_ITEMS)(
    'all of it is still so after kill -9 and a start of %s',
    async (name) => {
      await expect.poll(said, IN_TIME).toEqual(expected(first, OF_FIRST));
      process.kill(services[name].pid, 'SIGKILL');
      const again = await up(home, '--only', name);
      ends.push(() => again.stop('SIGKILL'));
      services = { ...services, ...again.services };
      await expect.poll(said, IN_TIME).toEqual(expected(first, OF_FIRST));
    },
  );

  it.runIf(isEmbedded)(
    'all of it is still so after the next release, new items by its tower, and after a rollback',
    async () => {
      const items = [...ITEMS, { id: 'k', vector: [0, 1] as const, kind: 'three', events: 0 }];
      second = await writeWorkedRelease(home, { items, right: RIGHT_OF_SECOND });
      await succeed('publish', ...at(), '--release', second);
      await expect.poll(said, IN_TIME).toEqual(expected(second, OF_SECOND));
      await succeed('rollback', ...at());
      await expect.poll(said, IN_TIME).toEqual(expected(first, OF_FIRST));
    },
  );

  it.runIf(isEmbedded)('a process over the same store knows it all, and is a replica like the others', async () => {
    const one = await serve(home, '--store', store, '--profiles', profiles, '--no-event-log');
    ends.push(() => one.stop('SIGKILL'));
    const alone = new Replica(one.address);
    expect(similarityTo('g', await alone.ask(STRANGER))).toBe(0.96);
    expect(droppedFrom('c', await alone.ask({ userId: 'u', profile: 'popular' }))?.[0]).toBe('HIDDEN');
    await alone.upsert([{ itemId: 'by one process', fields: { place: { text: 'right' } } }]);
    expect(similarityTo('by one process', await alone.ask(STRANGER))).toBe(0.96);
    for (const replica of [gateway, other]) {
      await expect
        .poll(async () => similarityTo('by one process', await replica.ask(STRANGER)), WITHIN_A_SECOND)
        .toBe(0.96);
    }
    alone.close();
  });

  it.runIf(isEmbedded)('refuses fields that the release does not have, and keeps nothing of the call', async () => {
    const fields = { kind: { text: 'one' }, colour: { text: 'red' } };
    await expect(gateway.upsert([{ itemId: 'y', fields }])).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      subject: 'items[0].fields["colour"]',
      message: expect.stringContaining('items[0].fields["colour"] is no field of the release') as string,
      remedy: 'use the fields kind, place',
    });
    expect((await gateway.ask({ ...STRANGER, onlyItemIds: ['y'] })).items).toEqual([]);
    const refused = gateway.ask({ userId: 'x', userFields: { colour: { text: 'red' } } });
    await expect(refused).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      subject: 'user_fields["colour"]',
      remedy: 'use the fields side',
    });
  });

  it('refuses more live items than the store may hold; what is there may still change', async () => {
    const { pid, address } = services['neighbor-store'];
    process.kill(pid, 'SIGKILL');
    const capped = await startAlone('neighbor-store', {
      MIC_ADDRESS: address,
      MIC_STORE: store,
      MIC_LIVE_ITEMS_CAP: '1',
    });
    ends.push(() => capped.kill('SIGKILL'));
    await expect.poll(said, IN_TIME).toEqual(expected(first, OF_FIRST));
    await expect(gateway.upsert([{ itemId: 'one too many' }])).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    await gateway.upsert([{ itemId: 'h', fields: { place: { text: 'right' } } }]);
    expect(similarityTo('h', await gateway.ask(STRANGER))).toBe(0.96);
    expect((await gateway.ask({ ...STRANGER, onlyItemIds: ['one too many'] })).items).toEqual([]);
  });
}
