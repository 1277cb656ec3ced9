import { describe, expect, it } from 'vitest';
import { Admission } from './admission';
import { CallCost } from './call-cost';

/** A load by a clock of work, and an event loop, that are set by hand. */
function costs() {
  const loop = { workMs: 0, recent: 0, turn: 0, recentMs: () => loop.recent, turnMs: () => loop.turn };
  const cost = new CallCost(() => loop.workMs);
  return { loop, cost, load: { cost, loop } };
}

/** Calls one after the other, each of so many milliseconds of work. */
function run(admission: Admission, loop: { workMs: number }, calls: number, workMs: number): void {
  for (let i = 0; i < calls; i++) {
    admission.enter();
    loop.workMs += workMs;
    admission.leave();
  }
}

describe('CallCost', () => {
  it('follows the work of a call, a thirty-second of the way with each', () => {
    const { loop, cost, load } = costs();
    const admission = new Admission(10, load);
    expect(cost.meanMs).toBe(0);
    run(admission, loop, 1, 64);
    expect(cost.meanMs).toBe(2);
    run(admission, loop, 1, 34);
    expect(cost.meanMs).toBe(3);
    run(admission, loop, 1_000, 5);
    expect(cost.meanMs).toBeCloseTo(5, 9);
  });

  it('counts no work between calls, and shares that of calls at a time', () => {
    const { loop, cost, load } = costs();
    const admission = new Admission(10, load);
    run(admission, loop, 1_000, 2);
    loop.workMs += 10_000;
    run(admission, loop, 1, 2);
    expect(cost.meanMs).toBeCloseTo(2, 9);
    for (let i = 0; i < 1_000; i++) {
      admission.enter();
      admission.enter();
      loop.workMs += 4;
      admission.leave();
      admission.leave();
    }
    // The first of each pair to end counts 4 ms, the second none: m = 31/32 x (31/32 x m + 4/32).
    expect(cost.meanMs).toBeCloseTo((4 * 31) / 63, 9);
  });

  it('looks at the event loop where nothing else is said', () => {
    const cost = new CallCost();
    cost.begin();
    const until = performance.now() + 20;
    while (performance.now() < until);
    cost.ended();
    expect(cost.meanMs).toBeGreaterThan(0.3);
  });
});

describe('Admission', () => {
  it('tells calls that the running ones press, refuses what they press far too much, and none without a deadline', () => {
    const { loop, load } = costs();
    const admission = new Admission(1_000, load);
    run(admission, loop, 1_000, 2);
    for (let i = 0; i < 10; i++) expect(admission.enter(50)).toBe(false);
    // 10 x 2 ms are three quarters of 26.7 ms.
    expect(admission.enter(26.6)).toBe(true);
    admission.leave(true);
    expect(admission.enter(26.7)).toBe(false);
    // 11 x 2 ms are twice 11 ms.
    expect(() => {
      admission.enter(10.9);
    }).toThrow(
      expect.objectContaining({
        code: 'RESOURCE_EXHAUSTED',
        message: '11 calls run already and take 22 ms: too long for the 10 ms of this one',
        remedy: expect.stringContaining('backoff'),
      }),
    );
    expect(admission.enter(11.1)).toBe(true);
    expect(admission.enter()).toBe(false);
    for (let i = 0; i < 13; i++) admission.leave();
    expect(admission.enter(1)).toBe(false);
  });

  it('counts what a call has waited before it was read', () => {
    const { loop, load } = costs();
    const admission = new Admission(1_000, load);
    run(admission, loop, 1_000, 2);
    for (let i = 0; i < 10; i++) admission.enter();
    loop.recent = 30;
    expect(admission.enter(57)).toBe(false);
    admission.leave(true);
    expect(admission.enter(56)).toBe(true);
    admission.leave(true);
    // What waited is pressed, not refused: a little work may still come in time.
    expect(admission.enter(20)).toBe(true);
  });

  it('presses a call whose answer is due, and refuses by when it is too late', () => {
    const { loop, load } = costs();
    const admission = new Admission(1_000, load);
    run(admission, loop, 1_000, 2);
    expect([admission.enter(0, 5), admission.enter(-3, 2), admission.enter(1, 6)]).toEqual([true, true, false]);
    for (let i = 0; i < 7; i++) admission.enter();
    // 10 x 2 ms are twice 10 ms.
    expect(admission.enter(5, 10)).toBe(true);
    expect(() => {
      admission.enter(5, 10);
    }).toThrow(/11 calls run already and take 22 ms: too long for the 10 ms of this one/);
  });

  it('counts streams as calls, and not as work', () => {
    const { loop, cost, load } = costs();
    const admission = new Admission(400, load);
    run(admission, loop, 1_000, 3);
    for (let i = 0; i < 396; i++) expect(admission.enter(Infinity, Infinity, true)).toBe(false);
    // With a call at a time what the loop does between them is not the calls'.
    for (let i = 0; i < 100; i++) {
      loop.workMs += 1_000;
      expect(admission.enter(500)).toBe(false);
      loop.workMs += 3;
      admission.leave();
    }
    expect(cost.meanMs).toBeCloseTo(3, 9);
    for (let i = 0; i < 4; i++) admission.enter();
    expect(() => {
      admission.enter(Infinity, Infinity, true);
    }).toThrow(/400 calls run already/);
    admission.leave();
    expect(admission.enter(Infinity, Infinity, true)).toBe(false);
  });

  it('tells calls for which the event loop turns too slowly', () => {
    const { loop, load } = costs();
    const admission = new Admission(1_000, load);
    loop.turn = 5;
    for (let i = 0; i < 4; i++) expect(admission.enter(20)).toBe(false);
    // 5 ms are a fortieth of 200 ms.
    expect([admission.enter(199), admission.enter(200)]).toEqual([true, false]);
    loop.recent = 10;
    expect([admission.enter(209), admission.enter(210)]).toEqual([true, false]);
    loop.turn = 0;
    expect(admission.enter(20)).toBe(false);
  });

  it('does not take what a pressed call costs for what a call costs', () => {
    const { loop, cost, load } = costs();
    const admission = new Admission(1_000, load);
    run(admission, loop, 1_000, 2);
    for (let i = 0; i < 1_000; i++) admission.leave(admission.enter(Infinity) || true);
    expect(cost.meanMs).toBeCloseTo(2, 9);
  });

  it('presses none of four calls, whatever the cost', () => {
    const { loop, load } = costs();
    const admission = new Admission(1_000, load);
    run(admission, loop, 1_000, 500);
    for (let i = 0; i < 4; i++) expect(admission.enter(1)).toBe(false);
    expect(() => {
      admission.enter(900);
    }).toThrow(/4 calls run already and take 2000 ms/);
  });

  it('looks at no time without a cost', () => {
    const admission = new Admission(2);
    expect([admission.enter(0.001), admission.enter(0.001)]).toEqual([false, false]);
    expect(() => {
      admission.enter();
    }).toThrow('2 calls run already');
  });
});
