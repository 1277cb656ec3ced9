import { rm } from 'node:fs/promises';
import {
  AppendEventsRequest,
  EventServiceClient,
  ItemServiceClient,
  UpsertItemsRequest,
  type AppendEventsResponse,
} from '@mic/contracts';
import { createClient, unary } from '@mic/rpc';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mic, serve, up } from './processes';
import { makeWorkedHome } from './worked-world';

const DAY_S = 86_400;
const LIMITS = ['--history-cap', '3', '--history-ttl-seconds', String(DAY_S), '--live-items-cap', '1'];
const DEADLINE = { deadlineMs: 20_000 };

let home: string;
/** Ends what was started, the last first. */
const ends: (() => unknown)[] = [];
beforeAll(async () => {
  ({ home } = await makeWorkedHome());
  ends.push(() => rm(home, { recursive: true, force: true }));
});
afterAll(async () => {
  for (const end of ends.reverse()) await end();
});

/** Five events of a new user, one of them older than a day. */
function append(address: string, userId: string): Promise<AppendEventsResponse> {
  const events = createClient(EventServiceClient, address);
  const now = Date.now();
  const agesMs = [2 * DAY_S * 1_000, 4_000, 3_000, 2_000, 1_000];
  const seen = agesMs.map((ageMs, i) => ({ userId, itemId: `item-${i}`, timeMs: now - ageMs }));
  const request = AppendEventsRequest.fromPartial({ events: seen });
  return unary(events, 'appendEvents', request, DEADLINE).finally(() => {
    events.close();
  });
}

function upsert(address: string, ...itemIds: string[]): Promise<unknown> {
  const items = createClient(ItemServiceClient, address);
  const request = UpsertItemsRequest.fromPartial({ items: itemIds.map((itemId) => ({ itemId })) });
  return unary(items, 'upsertItems', request, DEADLINE).finally(() => {
    items.close();
  });
}

async function keepsTheLimits(address: string, userId: string): Promise<void> {
  expect(await append(address, userId)).toMatchObject({ accepted: 3, duplicates: 0, tooOld: 2 });
  await expect(upsert(address, 'new-1', 'new-2')).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
}

describe('limits of the store, as flags', () => {
  it('hold in one process', async () => {
    const one = await serve(home, ...LIMITS);
    await keepsTheLimits(one.address, 'first');
    await one.stop();
  });

  it('hold in the service that keeps the store, and when it is started again', async () => {
    const four = await up(home, ...LIMITS);
    ends.push(() => four.stop('SIGKILL'));
    const gateway = four.services['recall-gateway'].address;
    await keepsTheLimits(gateway, 'second');
    process.kill(four.services['neighbor-store'].pid, 'SIGKILL');
    const again = await up(home, '--only', 'neighbor-store');
    ends.push(() => again.stop('SIGKILL'));
    await expect.poll(() => append(gateway, 'third'), { timeout: 30_000 }).toMatchObject({ accepted: 3, tooOld: 2 });
    await keepsTheLimits(gateway, 'fourth');
  });

  it('are refused beside --only, which would ignore them', async () => {
    const { status, stderr } = await mic('up', '--home', home, '--only', 'neighbor-store', '--history-cap', '5');
    expect([status === 0, stderr]).toEqual([
      false,
      expect.stringContaining('--only starts a service as it was, and --history-cap would be ignored'),
    ]);
  });

  it.each([
    ['--history-cap', '0', 'Give a whole number, 1 .. 100000.'],
    ['--live-items-cap', 'many', 'Give a whole number, 1 .. 1000000.'],
  ])('%s %s is refused with what it may be', async (flag, value, words) => {
    const { status, stderr } = await mic('up', '--home', home, flag, value);
    expect([status === 0, stderr]).toEqual([false, expect.stringContaining(words)]);
  });
});
