import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppendEventsRequest, EventServiceService } from '@mic/contracts';
import { rejection, WAYS, type Caller } from './callers';
import { publicApi } from './harness';

type Events = Parameters<typeof AppendEventsRequest.fromPartial>[0]['events'];

describe.each(WAYS)('AppendEvents %s', (_way, open) => {
  const api = publicApi();
  let caller: Caller;
  beforeAll(async () => {
    caller = await open(api.services);
  });
  afterAll(() => caller.close());

  const append = (events: Events, deadlineMs?: number) =>
    caller.call(EventServiceService.appendEvents, AppendEventsRequest.fromPartial({ events }), { deadlineMs });

  it('stores events once, with weight 1 where there is none', async () => {
    const events = [
      { userId: 'u', itemId: 'a', timeMs: 1_700_000_000_000, weight: 0.5 },
      { userId: 'u', itemId: 'b', timeMs: 1 },
      { userId: 'v', itemId: 'b', timeMs: 253_402_300_799_999, weight: 0 },
    ];
    expect(await append(events)).toEqual({ accepted: 3, duplicates: 0, tooOld: 0 });
    expect(api.history.events).toEqual([events[0], { ...events[1], weight: 1 }, { ...events[2], weight: 1 }]);
    expect(await append([...events, events[0]!])).toEqual({ accepted: 0, duplicates: 4, tooOld: 0 });
  });

  it('takes 1,000 events a call', async () => {
    const events = Array.from({ length: 1_000 }, (_, index) => ({ userId: 'w', itemId: 'i', timeMs: index + 1 }));
    expect(await append(events)).toMatchObject({ accepted: 1_000 });
  });

  const good = { userId: 'u', itemId: 'i', timeMs: 1 };
  const refusals: [string, NonNullable<Events>, string, string][] = [
    ['no event', [], 'events', 'has 0 entries, 1 to 1,000 are allowed'],
    ['1,001 events', Array(1_001).fill(good), 'events', 'has 1,001 entries'],
    ['no user', [good, { ...good, userId: '' }], 'events[1].user_id', 'is empty'],
    ['blank user', [{ ...good, userId: ' \t' }], 'events[0].user_id', 'is blank'],
    ['blank item', [good, { ...good, itemId: '\u00a0' }], 'events[1].item_id', 'is blank'],
    ['long user', [{ ...good, userId: 'u'.repeat(257) }], 'events[0].user_id', '257 bytes'],
    ['no item', [{ ...good, itemId: '' }], 'events[0].item_id', 'is empty'],
    ['long item', [{ ...good, itemId: 'ü'.repeat(129) }], 'events[0].item_id', '258 bytes'],
    ['no time', [{ ...good, timeMs: 0 }], 'events[0].time_ms', 'is 0'],
    ['negative time', [{ ...good, timeMs: -5 }], 'events[0].time_ms', 'is -5'],
    ['time in microseconds', [{ ...good, timeMs: 1_700_000_000_000_000 }], 'events[0].time_ms', 'is 1700000000000000'],
    ['weight NaN', [{ ...good, weight: NaN }], 'events[0].weight', 'is NaN'],
    ['negative weight', [{ ...good, weight: -0.5 }], 'events[0].weight', 'is -0.5'],
    ['infinite weight', [{ ...good, weight: Infinity }], 'events[0].weight', 'is Infinity'],
  ];
  it.each(refusals)('INVALID_ARGUMENT: %s, and nothing is stored', async (_name, events, field, message) => {
    const before = api.history.events.length;
    const error = await rejection(append(events));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', subject: field });
    expect(error.message).toContain(`${field} `);
    expect(error.message).toContain(message);
    expect(error.remedy).toBeTruthy();
    expect(api.history.events).toHaveLength(before);
  });

  it('UNAVAILABLE and RESOURCE_EXHAUSTED as the store says', async () => {
    expect(await rejection(append([{ ...good, userId: '!unavailable' }]))).toMatchObject({
      code: 'UNAVAILABLE',
      message: 'the store does not answer',
    });
    expect(await rejection(append([{ ...good, userId: '!full' }]))).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      remedy: 'give the store more room',
    });
  });

  it('DEADLINE_EXCEEDED when the store does not answer', async () => {
    expect(await rejection(append([{ ...good, userId: 'hang' }], 50))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });
});
