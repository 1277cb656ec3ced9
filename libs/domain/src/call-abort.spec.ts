import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { CallAbort } from './call-abort';

describe('the signal of a call', () => {
  it('fires once, with the first reason', () => {
    const call = new CallAbort();
    const { signal } = call;
    const told: unknown[] = [];
    signal.addEventListener('abort', () => told.push(signal.reason));
    expect(signal.aborted).toBe(false);
    signal.throwIfAborted();
    const reason = new Error('late');
    call.abort(reason);
    call.abort(new Error('again'));
    expect(signal).toMatchObject({ aborted: true, reason });
    expect(told).toEqual([reason]);
    expect(() => {
      signal.throwIfAborted();
    }).toThrow(reason);
  });

  it('stops what Node stops by an AbortSignal of its own', async () => {
    const call = new CallAbort();
    const slept = sleep(60_000, undefined, { signal: call.signal });
    call.abort(new Error('late'));
    await expect(slept).rejects.toMatchObject({ name: 'AbortError' });
  });
});
