import { describe, expect, it } from 'vitest';
import { startRedis } from './redis-process';

describe('startRedis', () => {
  it('gives each of many that start at once a port of its own', async () => {
    const all = await Promise.allSettled(Array.from({ length: 8 }, () => startRedis()));
    const started = all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    try {
      expect(new Set(started.map(({ port }) => port)).size).toBe(8);
    } finally {
      await Promise.all(started.map((one) => one.stop()));
    }
  });

  it('says what Redis printed when the port that is asked for is taken', async () => {
    const first = await startRedis();
    try {
      await expect(startRedis([], { port: first.port })).rejects.toThrow(
        /another server answers on port|Address already in use/,
      );
    } finally {
      await first.stop();
    }
  });

  it('says at once that Redis does not start with such words', async () => {
    await expect(startRedis(['--no-such-word', '1'])).rejects.toThrow(/redis-server did not start.*no-such-word/s);
  });
});
