import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Logger } from '@mic/rpc';
import { recordEventLoopDelay } from './event-loop-delay';

interface Values {
  readonly maxMs: number;
  readonly p99Ms: number;
  readonly delays?: readonly [number, number][];
}
type Line = readonly [values: Values, message: string];
const lines: Line[] = [];
const logger = { info: (...line: Line) => lines.push(line) } as unknown as Logger;

function workFor(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

describe('recordEventLoopDelay', () => {
  it('knows a loop that is kept busy by its peaks and by the mean of its turns, and forgets both', async () => {
    const delay = recordEventLoopDelay(logger);
    try {
      for (let i = 0; i < 8; i++) {
        workFor(40);
        await turn();
      }
      await turn();
      expect(delay.recentMs()).toBeGreaterThan(20);
      expect(delay.turnMs()).toBeGreaterThan(15);
      const busy = { recentMs: delay.recentMs(), turnMs: delay.turnMs() };
      await expect.poll(() => delay.recentMs() < busy.recentMs / 2 && delay.turnMs() < busy.turnMs / 2).toBe(true);
    } finally {
      delay.stop();
    }
  });

  it('logs a second with a delay worth it, and the whole run at its end', async () => {
    const delay = recordEventLoopDelay(logger);
    await sleep(30);
    lines.length = 0;
    workFor(80);
    const heldUpUntil = Date.now();
    await expect.poll(() => lines.length, { timeout: 3_000 }).toBeGreaterThan(0);
    delay.stop();
    const messages = lines.map(([, message]) => message);
    expect(messages[0]).toBe('event loop was delayed');
    expect(messages.at(-1)).toBe('event loop delay of the whole run');
    for (const [{ maxMs, p99Ms }] of [lines[0]!, lines.at(-1)!]) {
      expect(maxMs).toBeGreaterThanOrEqual(60);
      expect(p99Ms).toBeLessThanOrEqual(maxMs);
    }
    const [{ delays }] = lines[0]!;
    const isOurs = ([endedAtMs, ms]: readonly [number, number]): boolean =>
      ms >= 60 && endedAtMs >= heldUpUntil - 5 && endedAtMs < heldUpUntil + 500;
    expect(delays!.filter(isOurs)).toHaveLength(1);
  });

  it('takes a single long turn for a peak, and hardly for the mean', async () => {
    const delay = recordEventLoopDelay(logger);
    try {
      await sleep(50);
      workFor(80);
      for (let i = 0; i < 3; i++) await turn();
      expect(delay.recentMs()).toBeGreaterThan(40);
      expect(delay.turnMs()).toBeLessThan(delay.recentMs() / 2);
    } finally {
      delay.stop();
    }
  });
});
