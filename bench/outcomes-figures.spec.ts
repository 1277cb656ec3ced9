import { describe, expect, it } from 'vitest';
import { keptMs, outcomeFigures, type OutcomeCall } from './outcomes-figures';

const call = (change: Partial<OutcomeCall> = {}): OutcomeCall => ({
  startedAtMs: 1_000,
  ms: 5,
  code: 'OK',
  message: '',
  isShed: false,
  degraded: false,
  outcomes: new Map([['U2I', 'OK']]),
  violations: [],
  ...change,
});
const PATIENCE = { deadlineMs: 20, graceMs: 8 };
const NONE = { own: [], server: [] };
const delay = (fromMs: number, toMs: number) => ({ fromMs, toMs, delayMs: toMs - fromMs });

describe('keptMs', () => {
  it('is a quarter of the deadline, at least 8 ms or half of it, at most 50 ms', () => {
    expect([10, 20, 50, 200, 1_000].map(keptMs)).toEqual([5, 8, 12.5, 50, 50]);
  });
});

describe('outcomeFigures', () => {
  it('counts answers, outcomes, what is wrong, and times', () => {
    const calls = [
      call({ ms: 1 }),
      call({ ms: 2, degraded: true, outcomes: new Map([['U2I', 'LATE']]) }),
      call({ ms: 3, violations: ['an item twice', 'a seen item'] }),
      call({ ms: 4, violations: ['a seen item'] }),
    ];
    expect(outcomeFigures(calls, PATIENCE, NONE)).toMatchObject({
      requests: 4,
      degraded: 1,
      wrong: 2,
      violations: { 'an item twice': 1, 'a seen item': 2 },
      failed: 0,
      late: 0,
      p50Ms: 3,
      maxMs: 4,
      outcomes: { U2I: { OK: 3, LATE: 1 } },
    });
  });

  it('counts what was answered in the grace', () => {
    const calls = [20, 20.5, 28, 28.5].map((ms) => call({ ms }));
    const failed = call({ ms: 28.5, code: 'DEADLINE_EXCEEDED' });
    const figures = outcomeFigures([...calls, failed], PATIENCE, NONE);
    expect(figures).toMatchObject({ inGrace: 3, afterUsualGrace: 1, failed: 1, late: 0 });
  });

  it('takes a call for late that ends later than 10 ms after its deadline', () => {
    const figures = outcomeFigures([call({ ms: 30 }), call({ ms: 30.5 }), call({ ms: 33 })], PATIENCE, NONE);
    expect(figures).toMatchObject({ late: 2, lateUnexplained: 2, worstExcessMs: 3 });
  });

  it('explains lateness by what held up this process since the deadline, and the server since its channels were to end', () => {
    // From 1,000 to 1,045: 25 ms after the deadline, 15 ms beyond what is allowed. The channels were to end at 1,012.
    const late = [call({ ms: 45 })];
    const of = (own: ReturnType<typeof delay>[], server: ReturnType<typeof delay>[] = []) =>
      outcomeFigures(late, PATIENCE, { own, server });
    expect(of([delay(1_025, 1_034)], [delay(1_013, 1_016), delay(1_039, 1_042)])).toMatchObject({ lateUnexplained: 0 });
    expect(of([delay(1_025, 1_034)], [delay(1_013, 1_017)])).toMatchObject({ lateUnexplained: 1, worstExcessMs: 2 });
    // Only what falls into these times, and once what both were held up.
    expect(of([delay(1_000, 1_024)], [delay(1_000, 1_016)])).toMatchObject({ worstExcessMs: 7, ownDelayMs: 24 });
    expect(of([], [delay(1_040, 1_080)])).toMatchObject({ worstExcessMs: 10, serverDelayMs: 40 });
    expect(of([delay(1_025, 1_034)], [delay(1_027, 1_036)])).toMatchObject({ worstExcessMs: 4 });
    expect(of([delay(900, 999), delay(1_046, 1_100)])).toMatchObject({ worstExcessMs: 15, ownDelayMs: 0 });
  });

  it('tells failures that could have been partial from those that could not', () => {
    const outOfTime = (startedAtMs: number) =>
      call({
        startedAtMs,
        ms: 20,
        code: 'DEADLINE_EXCEEDED',
        message: 'no answer from 127.0.0.1:4711 within 28 ms',
      });
    const calls = [
      call(),
      call({ code: 'RESOURCE_EXHAUSTED', message: '64 calls run already', isShed: true }),
      call({ code: 'UNAVAILABLE', message: 'gone from port 4711' }),
      outOfTime(1_000),
      outOfTime(2_000),
      outOfTime(3_000),
    ];
    const delays = { own: [delay(1_000, 1_016), delay(2_000, 2_003)], server: [delay(2_002, 2_015)] };
    expect(outcomeFigures(calls, PATIENCE, delays)).toMatchObject({
      failed: 5,
      codes: { RESOURCE_EXHAUSTED: 1, UNAVAILABLE: 1, DEADLINE_EXCEEDED: 3 },
      messages: {
        'RESOURCE_EXHAUSTED: # calls run already': 1,
        'UNAVAILABLE: gone from port #': 1,
        'DEADLINE_EXCEEDED: no answer from #:# within # ms': 3,
      },
      shed: 1,
      callerHeldUp: 1,
      couldBePartial: 3,
      unexplained: 2,
      ownDelayMs: 16,
      serverDelayMs: 13,
    });
  });

  it('has no excuse for an error that is not one of time', () => {
    const calls = [call({ code: 'UNAVAILABLE' })];
    const delays = { own: [delay(990, 1_100)], server: [delay(990, 1_100)] };
    expect(outcomeFigures(calls, PATIENCE, delays)).toMatchObject({ couldBePartial: 1, unexplained: 1 });
  });
});
