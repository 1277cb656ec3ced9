import { describe, expect, it } from 'vitest';
import { OneWayDelays, sentAtNow } from './one-way-delay';

const MOST_MS = 1_000;
const A = 'a'.repeat(12);
const B = 'b'.repeat(12);

describe('OneWayDelays', () => {
  it('takes what exceeds the least delay of a sender, whatever its clock says', () => {
    const delays = new OneWayDelays();
    // A's clock is 100 s behind, B's 5 s ahead.
    expect(delays.waitedMs(`${A} 900000.000`, MOST_MS, 1_000_002)).toBe(0);
    expect(delays.waitedMs(`${B} 1005000.000`, MOST_MS, 1_000_001)).toBe(0);
    expect(delays.waitedMs(`${A} 900010.500`, MOST_MS, 1_000_032.5)).toBe(20);
    expect(delays.waitedMs(`${B} 1005010.000`, MOST_MS, 1_000_041)).toBe(30);
    expect(delays.waitedMs(`${A} 900050.000`, MOST_MS, 1_000_051)).toBe(0);
    expect(delays.waitedMs(`${A} 900060.000`, MOST_MS, 1_000_062)).toBe(1);
  });

  it('follows clocks that drift: only the last ten to twenty seconds count', () => {
    const delays = new OneWayDelays();
    expect(delays.waitedMs(`${A} 0`, MOST_MS, 1)).toBe(0);
    expect(delays.waitedMs(`${A} 9000`, MOST_MS, 9_004)).toBe(3);
    // 1 ms belongs to the window before.
    expect(delays.waitedMs(`${A} 12000`, MOST_MS, 12_004)).toBe(3);
    expect(delays.waitedMs(`${A} 21000`, MOST_MS, 21_004)).toBe(3);
    // 4 ms is the least of the window that ended at 22,004.
    expect(delays.waitedMs(`${A} 32000`, MOST_MS, 32_004)).toBe(0);
  });

  it('counts a request that came too late as waiting, and begins anew where for a second none came in time: a clock jumped', () => {
    const delays = new OneWayDelays();
    expect(delays.waitedMs(`${A} 5000`, 100, 5_001)).toBe(0);
    expect(delays.waitedMs(`${A} 5010`, 100, 5_311)).toBe(300);
    expect(delays.waitedMs(`${A} 5600`, 100, 5_611)).toBe(10);
    // From here on the sender is 400 ms behind.
    expect(delays.waitedMs(`${A} 6000`, 100, 6_401)).toBe(400);
    expect(delays.waitedMs(`${A} 6200`, 100, 6_605)).toBe(404);
    expect(delays.waitedMs(`${A} 6220`, 100, 6_622)).toBe(0);
    expect(delays.waitedMs(`${A} 6230`, 100, 6_652)).toBe(20);
    // Back again: the least one is at once the new one.
    expect(delays.waitedMs(`${A} 6660`, 100, 6_662)).toBe(0);
    expect(delays.waitedMs(`${A} 6670`, 100, 6_702)).toBe(30);
  });

  it('takes a first request whose time is over when it is read as one that has not waited', () => {
    const delays = new OneWayDelays();
    expect(delays.waitedMs(`${A} 5000`, -1, 5_001)).toBe(0);
    expect(delays.waitedMs(`${A} 5000`, -1, 5_021)).toBe(20);
  });

  it('knows nothing of requests that do not say when they were sent', () => {
    const delays = new OneWayDelays();
    for (const sentAt of [undefined, '', 'now', '12', `${A} -1`, `${A} 1e9`, `${A}  5`, `${A} NaN`, Buffer.from('x')]) {
      expect(delays.waitedMs(sentAt, MOST_MS, 1_000)).toBe(0);
    }
  });

  it('forgets senders that were not heard of for long when there are too many', () => {
    const delays = new OneWayDelays();
    expect(delays.waitedMs(`${A} 0`, MOST_MS, 1)).toBe(0);
    for (let i = 0; i < 25_000; i++) delays.waitedMs(`${i.toString(16).padStart(12, '0')} 0`, MOST_MS, 2);
    expect(delays.waitedMs(`${A} 0`, MOST_MS, 9)).toBe(0);
  });

  it('reads what callers write', () => {
    const delays = new OneWayDelays();
    expect(delays.waitedMs(sentAtNow(), MOST_MS)).toBe(0);
    const now = Date.now();
    expect(delays.waitedMs(sentAtNow(now), MOST_MS, now - 60_000)).toBe(0);
    expect(delays.waitedMs(sentAtNow(now), MOST_MS, now - 59_993)).toBe(7);
  });
});
