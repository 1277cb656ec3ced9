import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppendEventsRequest, AppendEventStreamRequest, EventServiceClient } from '@mic/contracts';
import { hashIds, parseReleaseId, Random, type Interaction } from '@mic/domain';
import { EventLog, type Unreadable } from '@mic/event-log';
import { clientStream, createClient, unary } from '@mic/rpc';
import { LmdbStore } from '@mic/store-lmdb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lastJson, mic, serve, up } from './processes';
import { makeSmallHome, succeed, type SmallHome } from './small-home';

const KILLS = 6;
const CLIENTS = 6;

let small: SmallHome;
const answered: Interaction[] = [];
let sent = 0;
beforeAll(async () => {
  small = await makeSmallHome();
});
afterAll(() => rm(small.home, { recursive: true, force: true }));

const log = () => new EventLog(join(small.home, 'events'));
const keyOf = ({ userId, itemId, timeMs }: Interaction): string => JSON.stringify([userId, itemId, timeMs]);
/** An event that no other is like; a user gets a few hundred of them. */
const nextEvent = (): Interaction => ({
  userId: `live-${sent % 50}`,
  itemId: `item ${sent}`,
  timeMs: 1_700_000_000_000 + sent++,
  weight: 0.5,
});

async function readLog(): Promise<{ events: Interaction[]; unreadable: Unreadable[] }> {
  const events: Interaction[] = [];
  const unreadable: Unreadable[] = [];
  for (const segment of await log().segments()) {
    for await (const event of log().events(segment, (where) => unreadable.push(where))) events.push(event);
  }
  return { events, unreadable };
}

/** Appends until the service is gone, by calls and by streams; remembers what was answered. */
async function appendUntilGone(address: string): Promise<void> {
  const client = createClient(EventServiceClient, address);
  const calls = Array.from({ length: CLIENTS }, async (_, i) => {
    for (;;) {
      const events = Array.from({ length: 1 + ((sent * 7) % 20) }, nextEvent);
      const messages = [events.slice(0, 1), events.slice(1)].filter((some) => some.length > 0);
      if (i % 3 > 0)
        await unary(client, 'appendEvents', AppendEventsRequest.fromPartial({ events }), { deadlineMs: 5_000 });
      else {
        const requests = messages.map((some) => AppendEventStreamRequest.fromPartial({ events: some }));
        await clientStream(client, 'appendEventStream', requests, { deadlineMs: 5_000 });
      }
      answered.push(...events);
    }
  });
  await Promise.allSettled(calls);
  client.close();
}

describe('the event log of mic serve', () => {
  it('and the history have every event that was answered, whenever the process is killed', async () => {
    const random = new Random(7);
    for (let kill = 0; kill < KILLS; kill++) {
      const server = await serve(small.home);
      const before = answered.length;
      const gone = appendUntilGone(server.address);
      await expect.poll(() => answered.length, { interval: 5 }).toBeGreaterThan(before);
      await sleep(random.below(400));
      await server.stop('SIGKILL');
      await gone;
    }
    const { events, unreadable } = await readLog();
    const logged = new Set(events.map(keyOf));
    expect(answered.filter((event) => !logged.has(keyOf(event)))).toEqual([]);
    // A torn line is the last of a segment that was open at a kill, and no event.
    expect(unreadable.length).toBeLessThanOrEqual(KILLS);
    const store = await LmdbStore.open({ path: join(small.home, 'store'), readOnly: true });
    const releaseId = parseReleaseId(small.releaseId);
    for (const userId of new Set(answered.map((event) => event.userId))) {
      const request = { releaseId, userId, historyLimit: 10_000 };
      const { history } = await store.userContext(request, { signal: new AbortController().signal, requestId: 'spec' });
      const there = new Set(Array.from(history.timesMs, (time, i) => `${time} ${history.itemHashes[2 * i]}`));
      const own = answered.filter((event) => event.userId === userId);
      const hashes = hashIds(own.map(({ itemId }) => itemId));
      expect(own.filter(({ timeMs }, i) => !there.has(`${timeMs} ${hashes[2 * i]}`)).map(keyOf)).toEqual([]);
    }
    await store.close();
    expect(answered.length).toBeGreaterThan(100);
  }, 180_000);

  it('is closed in order by SIGTERM, and what a kill left open is closed by the next start', async () => {
    const server = await serve(small.home);
    expect((await log().segments()).filter(({ isOpen }) => isOpen)).toEqual([]);
    const client = createClient(EventServiceClient, server.address);
    const events = [nextEvent()];
    await unary(client, 'appendEvents', AppendEventsRequest.fromPartial({ events }), { deadlineMs: 5_000 });
    expect((await log().segments()).filter(({ isOpen }) => isOpen).length).toBe(1);
    client.close();
    expect(await server.stop()).toBe(0);
    expect((await log().segments()).filter(({ isOpen }) => isOpen)).toEqual([]);
  });

  it('is listed, exported, and imported as a dataset', async () => {
    const segments = lastJson<unknown[]>((await succeed('events', 'list', '--home', small.home, '--json')).stdout);
    expect(segments.length).toBe((await readdir(join(small.home, 'events'))).length);
    expect((await succeed('events', 'list', '--home', small.home)).stdout).toContain('closed');
    const { events } = await readLog();
    const unique = new Set(events.map(keyOf)).size;
    for (const ending of ['parquet', 'csv', 'jsonl']) {
      const out = join(small.home, `live.${ending}`);
      const exported = await succeed('events', 'export', '--home', small.home, '--out', out, '--json');
      expect(lastJson(exported.stdout)).toMatchObject({ segments: segments.length, events: events.length, leftOut: 0 });
      const columns = { user: 'user_id', item: 'item_id', timestamp: 'time_ms', weight: 'weight' };
      const schema = { name: 'live', events: { files: out, columns, timestampUnit: 'ms' } };
      await writeFile(join(small.home, 'live.json'), JSON.stringify(schema));
      const made = join(small.home, `datasets/live-${ending}`);
      const imported = await succeed(
        'data',
        'import',
        'table',
        '--schema',
        join(small.home, 'live.json'),
        '--out',
        made,
        '--json',
      );
      expect(lastJson(imported.stdout)).toMatchObject({ events: unique, duplicates: events.length - unique, bad: [] });
    }
    const from = String(1_700_000_000_000 + Math.floor(sent / 2));
    const some = await succeed(
      'events',
      'export',
      '--home',
      small.home,
      '--out',
      join(small.home, 'some.csv'),
      '--from',
      from,
      '--json',
    );
    expect(lastJson(some.stdout)).toMatchObject({
      events: events.filter(({ timeMs }) => timeMs >= Number(from)).length,
    });
  });

  it('says what is wrong with a request for it', async () => {
    const home = ['--home', small.home];
    const wrong = await mic('events', 'export', ...home, '--out', join(small.home, 'live.xlsx'));
    expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining('.parquet, .jsonl, .csv')]);
    const empty = await mic('events', 'export', '--log', join(small.home, 'none'), '--out', join(small.home, 'x.csv'));
    expect([empty.status, empty.stderr]).toEqual([1, expect.stringContaining('MIC_EVENT_LOG')]);
  });
});

describe('the event log of mic up', () => {
  it('is written by the neighbor-store, for calls to the gateway', async () => {
    const fleet = await up(small.home);
    const client = createClient(EventServiceClient, fleet.services['recall-gateway'].address);
    const before = new Set((await readLog()).events.map(keyOf));
    const events = Array.from({ length: 1_500 }, nextEvent);
    const requests = [events.slice(0, 700), events.slice(700)].map((some) =>
      AppendEventStreamRequest.fromPartial({ events: some }),
    );
    const answer = await clientStream(client, 'appendEventStream', requests);
    expect(answer).toEqual({ messages: 2, accepted: 1_500, duplicates: 0, tooOld: 0 });
    const added = (await readLog()).events.filter((event) => !before.has(keyOf(event)));
    expect(added.map(keyOf)).toEqual(events.map(keyOf));
    client.close();
    expect(await fleet.stop()).toBe(0);
  });

  it('keeps no service from starting when it is switched off', async () => {
    const folder = join(small.home, 'events');
    const before = (await readdir(folder)).length;
    const server = await serve(small.home, '--no-event-log');
    const client = createClient(EventServiceClient, server.address);
    const request = AppendEventsRequest.fromPartial({ events: [nextEvent()] });
    expect(await unary(client, 'appendEvents', request, { deadlineMs: 5_000 })).toMatchObject({ accepted: 1 });
    client.close();
    await server.stop();
    expect((await readdir(folder)).length).toBe(before);
  });
});
