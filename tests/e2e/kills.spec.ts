import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { benchKills } from '../../bench/kills';

/** `npm run bench -- kills` runs fifty of them; each waits for the lease of a publisher that is dead. */
const ROUNDS = 2;

it('a build and a publish that are killed leave nothing that is not whole, and the next run completes', async () => {
  const home = await mkdtemp(join(tmpdir(), 'mic-kills-'));
  try {
    const world = { users: 300, items: 200 };
    const report = await benchKills({ home, world, times: ROUNDS, seed: 2 }, () => undefined);
    expect(report.violations).toEqual([]);
    expect(report.rounds.length).toBe(ROUNDS);
    expect(report.completed).toBe(report.kills);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}, 240_000);
