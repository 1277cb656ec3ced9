import { MicError } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import { pauseMs, repeatedly } from './repeat';

/** Fails with the codes, one after the other, then succeeds; and the times left that it was told. */
function failing(...codes: MicError['code'][]) {
  const leftMs: number[] = [];
  const attempt = (left: number): Promise<string> => {
    leftMs.push(left);
    const code = codes[leftMs.length - 1];
    return code === undefined ? Promise.resolve('done') : Promise.reject(new MicError(code, `no ${leftMs.length}`));
  };
  return { attempt, leftMs };
}

describe('pauseMs', () => {
  it('doubles up to 2 s, by chance half of it more or less', () => {
    expect([0, 1, 2, 3, 4, 5, 6].map((repeat) => pauseMs(repeat, 0.5))).toEqual([
      100, 200, 400, 800, 1_600, 2_000, 2_000,
    ]);
    expect([pauseMs(1, 0), pauseMs(1, 1)]).toEqual([100, 300]);
  });
});

describe('repeatedly', () => {
  it('repeats what is UNAVAILABLE, with less time each', async () => {
    const { attempt, leftMs } = failing('UNAVAILABLE', 'UNAVAILABLE');
    expect(await repeatedly(attempt, 10_000, undefined)).toBe('done');
    expect(leftMs.length).toBe(3);
    expect(leftMs[0]! > leftMs[1]! && leftMs[1]! > leftMs[2]!).toBe(true);
    // Two pauses of at least half of 100 and 200 ms; timers may be a millisecond early.
    expect(leftMs[2]).toBeLessThanOrEqual(10_000 - 148);
  });

  it('repeats three times and no more', async () => {
    const { attempt, leftMs } = failing(...Array<'UNAVAILABLE'>(9).fill('UNAVAILABLE'));
    await expect(repeatedly(attempt, 60_000, undefined)).rejects.toThrow('no 4');
    expect(leftMs.length).toBe(4);
  });

  it('repeats nothing else', async () => {
    const { attempt, leftMs } = failing('RESOURCE_EXHAUSTED');
    await expect(repeatedly(attempt, 10_000, undefined)).rejects.toThrow('no 1');
    expect(leftMs.length).toBe(1);
  });

  it('does not wait beyond the deadline', async () => {
    const { attempt, leftMs } = failing('UNAVAILABLE');
    await expect(repeatedly(attempt, 40, undefined)).rejects.toThrow('no 1');
    expect(leftMs.length).toBe(1);
  });

  it('ends by its signal in a pause', async () => {
    const { attempt, leftMs } = failing('UNAVAILABLE');
    const abort = new AbortController();
    const call = repeatedly(attempt, 10_000, abort.signal);
    await Promise.resolve();
    abort.abort();
    await expect(call).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(leftMs.length).toBe(1);
  });
});
