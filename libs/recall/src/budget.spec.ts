import { MicError } from '@mic/domain';
import { describe, expect, it, vi } from 'vitest';
import { withinBudget, type BudgetOptions } from './budget';
import { LateBreaker } from './late-breaker';
import type { CallOptions } from './ports';
import { frozen } from './testing/tiny-world';

const options = (some: Partial<BudgetOptions> = {}): BudgetOptions => {
  let nowMs = 100;
  // Each look at the clock is 5 ms after the last one.
  const clock = (): number => (nowMs += 5);
  return { timeoutMs: 10_000, signal: new AbortController().signal, requestId: 'q', clock, ...some };
};

describe('withinBudget', () => {
  it('gives the value and the time by the clock given', async () => {
    const result = await withinBudget(({ requestId }) => Promise.resolve(requestId), options());
    expect(result).toEqual({ outcome: 'OK', value: 'q', elapsedMs: 5 });
  });

  it('clears its timer and its listener', async () => {
    vi.useFakeTimers();
    try {
      const signal = new AbortController().signal;
      const remove = vi.spyOn(signal, 'removeEventListener');
      await withinBudget(() => Promise.resolve(1), options({ signal }));
      await withinBudget(() => Promise.reject(new Error('no')), options({ signal }));
      expect(vi.getTimerCount()).toBe(0);
      expect(remove).toHaveBeenCalledTimes(2);
    } finally {
      vi.useRealTimers();
    }
  });

  it.each([
    ['FAILED', new Error('no'), 'INTERNAL: no'],
    ['FAILED', new MicError('UNAVAILABLE', 'down'), 'UNAVAILABLE: down'],
    ['LATE', new MicError('DEADLINE_EXCEEDED', 'slow'), 'DEADLINE_EXCEEDED: slow'],
    ['SHED', new MicError('RESOURCE_EXHAUSTED', 'full'), 'RESOURCE_EXHAUSTED: full'],
  ])('%s: %s', async (outcome, error, message) => {
    expect(await withinBudget(() => Promise.reject(error), options())).toEqual({ outcome, message, elapsedMs: 5 });
  });

  it('is LATE when time is up, and fires the signal of the call', async () => {
    let seen: AbortSignal | undefined;
    const late = withinBudget((call) => frozen((seen = call.signal), call), options({ timeoutMs: 5 }));
    expect(await late).toMatchObject({ outcome: 'LATE', message: 'no answer within 5 ms' });
    expect(seen!.aborted).toBe(true);
  });

  it('does not call without time', async () => {
    const call = vi.fn(() => Promise.resolve(1));
    expect(await withinBudget(call, options({ timeoutMs: 0 }))).toMatchObject({ outcome: 'SHED', elapsedMs: 0 });
    expect(call).not.toHaveBeenCalled();
  });

  it('does not wait for what is late again and again', async () => {
    const clock = (): number => 0;
    const breaker = new LateBreaker('CONTEXT', { clock });
    const slow = { timeoutMs: 3, clock, breaker };
    const call = vi.fn((its: CallOptions) => frozen(0, its));
    for (let i = 0; i < 10; i++) await withinBudget(call, options(slow));
    for (let i = 0; i < 10; i++) {
      await withinBudget(() => Promise.reject(new MicError('DEADLINE_EXCEEDED', 'slow')), options(slow));
    }
    await withinBudget(() => Promise.reject(new MicError('RESOURCE_EXHAUSTED', 'full')), options(slow)); // says nothing
    expect(await withinBudget(call, options(slow))).toMatchObject({
      outcome: 'SHED',
      message: expect.stringContaining('late 20 times in a row'),
      elapsedMs: 0,
    });
    expect(call).toHaveBeenCalledTimes(10);
    // An error is an answer too.
    await withinBudget(() => Promise.reject(new Error('no')), options({ ...slow, timeoutMs: 10 }));
    expect(await withinBudget(() => Promise.resolve(1), options(slow))).toMatchObject({ outcome: 'OK' });
  });

  it('throws CANCELLED when the caller cancels, before or during the call', async () => {
    await expect(withinBudget(frozen.bind(null, 0), options({ signal: AbortSignal.abort() }))).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    const controller = new AbortController();
    let seen: AbortSignal | undefined;
    const call = withinBudget((its) => frozen((seen = its.signal), its), options({ signal: controller.signal }));
    await Promise.resolve();
    controller.abort();
    await expect(call).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(seen!.aborted).toBe(true);
  });
});
