import { describe, expect, it } from 'vitest';
import { toWireEvents, toWireItems, toWireRequest } from './to-wire';

describe('toWireRequest', () => {
  it('carries every field', () => {
    const wire = toWireRequest({
      userId: 'ü',
      n: 7,
      profile: 'b',
      releaseId: 'r-1',
      inlineHistory: [
        { itemId: 'a', time: new Date('2024-01-02T03:04:05.678Z'), weight: 0.5 },
        { itemId: 'b', time: 1 },
      ],
      excludeItemIds: ['x'],
      categories: ['drama'],
      onlyItemIds: ['y'],
      includeSeen: true,
      explain: true,
      userFields: { age: 25, city: 'Bergen', tags: ['p', 'q'] },
      overrides: { channels: { U2I: { quota: 20, ef: 80 }, POPULAR: { enabled: false } }, weights: { diversity: 0 } },
    });
    expect(wire).toMatchObject({
      userId: 'ü',
      n: 7,
      profile: 'b',
      releaseId: 'r-1',
      inlineHistory: [
        { itemId: 'a', timeMs: 1_704_164_645_678, weight: 0.5 },
        { itemId: 'b', timeMs: 1, weight: 0 },
      ],
      excludeItemIds: ['x'],
      categories: ['drama'],
      onlyItemIds: ['y'],
      includeSeen: true,
      explain: true,
      userFields: { age: { number: 25 }, city: { text: 'Bergen' }, tags: { texts: { values: ['p', 'q'] } } },
    });
    expect(JSON.parse(JSON.stringify(wire.overrides))).toEqual({
      channels: [
        { channel: 'CHANNEL_U2I', quota: 20, ef: 80 },
        { channel: 'CHANNEL_POPULAR', enabled: false },
      ],
      weights: { diversity: 0 },
    });
  });

  it('leaves absent what is absent', () => {
    const { n, overrides, profile, userFields } = toWireRequest({ userId: 'u' });
    expect([n, overrides, profile, userFields]).toEqual([undefined, undefined, '', {}]);
  });

  it.each([
    [{ n: 1.5 }, 'n', 'is 1.5'],
    [{ n: -1 }, 'n', 'is -1'],
    [{ overrides: { channels: { U2I: { ef: NaN } } } }, 'overrides.channels.U2I.ef', 'is NaN'],
    [{ inlineHistory: [{ itemId: 'i', time: new Date('no') }] }, 'inline_history[0].time_ms', 'is NaN'],
    [{ inlineHistory: [{ itemId: 'i', time: 0.5 }] }, 'inline_history[0].time_ms', 'is 0.5'],
  ])('refuses %j, which the wire cannot carry', (fields, subject, text) => {
    expect(() => toWireRequest({ userId: 'u', ...fields })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', subject, message: expect.stringContaining(text) }),
    );
  });
});

describe('toWireEvents', () => {
  it('takes dates and milliseconds, and names the event whose time is none', () => {
    const event = { userId: 'u', itemId: 'i' };
    expect(
      toWireEvents([
        { ...event, time: new Date(5) },
        { ...event, time: 6, weight: 2 },
      ]).events,
    ).toEqual([
      { ...event, timeMs: 5, weight: 0 },
      { ...event, timeMs: 6, weight: 2 },
    ]);
    const wrong = [
      { ...event, time: 1 },
      { ...event, time: NaN },
    ];
    expect(() => toWireEvents(wrong)).toThrow(/events\[1\]\.time_ms is NaN/);
  });
});

describe('toWireItems', () => {
  it('tells texts, numbers and lists apart', () => {
    expect(toWireItems([{ itemId: 'i', fields: { a: 'x', b: 0, c: [] } }]).items).toEqual([
      { itemId: 'i', fields: { a: { text: 'x' }, b: { number: 0 }, c: { texts: { values: [] } } } },
    ]);
  });
});
