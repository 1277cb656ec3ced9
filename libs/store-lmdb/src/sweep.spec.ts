import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Sweep } from './sweep';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('Sweep', () => {
  it('runs again and again, never twice at a time, an error or not, until it is stopped', async () => {
    const ends: ((error?: Error) => void)[] = [];
    const sweep = new Sweep(
      () =>
        new Promise((resolve, reject) => {
          ends.push((error) => {
            if (error) reject(error);
            else resolve(undefined);
          });
        }),
      100,
    );
    await vi.advanceTimersByTimeAsync(99);
    expect(ends.length).toBe(0);
    await vi.advanceTimersByTimeAsync(500);
    expect(ends.length).toBe(1);
    ends[0]!(new Error('the disk is full'));
    await vi.advanceTimersByTimeAsync(100);
    expect(ends.length).toBe(2);
    ends[1]!();
    await sweep.stop();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(ends.length).toBe(2);
  });

  it('tells a round that is under way to end, and waits for it', async () => {
    let stopped = false;
    const sweep = new Sweep(async (signal) => {
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve);
      });
      await Promise.resolve();
      stopped = true;
    }, 100);
    await vi.advanceTimersByTimeAsync(100);
    await sweep.stop();
    expect(stopped).toBe(true);
  });
});
