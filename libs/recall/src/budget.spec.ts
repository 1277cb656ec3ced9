import { MicError } from '@mic/domain';
import { describe, expect, it, vi } from 'vitest';
import { withinBudget, type BudgetOptions } from './budget';
import { LateBreaker } from './late-breaker';
import type { CallOptions } from './ports';
import { frozen } from './testing/tiny-world';

const options = <T>(some: Partial<BudgetOptions<T>> = {}): BudgetOptions<T> => {
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
    const at = { ms: 0 };
    const breaker = new LateBreaker('CONTEXT', { clock: () => at.ms });
    const slow = { timeoutMs: 3, clock: () => 0, breaker };
    const call = vi.fn((its: CallOptions) => frozen(0, its));
    const fails = (error: Error, tells?: () => boolean) =>
      withinBudget(() => Promise.reject(error), options({ ...slow, tells }));
    for (let i = 0; i < 10; i++) await withinBudget(call, options(slow));
    at.ms = 100;
    for (let i = 0; i < 9; i++) await fails(new MicError('DEADLINE_EXCEEDED', 'slow'));
    // None of these says anything.
    await fails(new MicError('RESOURCE_EXHAUSTED', 'full'));
    await fails(new MicError('DEADLINE_EXCEEDED', 'slow'), () => false);
    await fails(new Error('no'), () => false);
    const gone = new AbortController();
    const cancelled = withinBudget(call, options({ ...slow, timeoutMs: 10_000, signal: gone.signal }));
    gone.abort();
    await expect(cancelled).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(breaker.refusal(3)).toBeNull();
    await fails(new MicError('DEADLINE_EXCEEDED', 'slow'));
    breaker.refusal(3); // a try
    call.mockClear();
    expect(await withinBudget(call, options(slow))).toMatchObject({
      outcome: 'SHED',
      message: expect.stringContaining('late 20 times in a row'),
      elapsedMs: 0,
    });
    expect(call).not.toHaveBeenCalled();
    // An error is an answer too.
    at.ms = 200;
    await fails(new Error('no'));
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
