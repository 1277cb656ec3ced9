import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { helpersWithCores } from './garbage';

/** Of each of three full collections since collectGently, in a process with these flags: whether helpers marked beside the program. */
async function helpersMarked(...flags: string[]): Promise<boolean[]> {
  const program = ['--import', 'tsx', join(import.meta.dirname, 'spec-collected.ts')];
  const { stdout } = await promisify(execFile)(process.execPath, ['--trace-gc-nvp', ...flags, ...program], {
    maxBuffer: 2 ** 26,
  });
  const collections = stdout.split('\n').filter((line) => line.includes(' gc=mc '));
  // The program makes four at least; those of the opening, and the one that collectGently asks for, are by Node's own flags. What
  // that one's helpers do when they get a core too late counts in the next: it is left out.
  return collections.slice(-3).map((line) => Number(/ background\.mark=([\d.]+)/.exec(line)?.[1]) > 1);
}

describe('the helpers of V8', () => {
  it('leave a core to the program, and are one at least and four at most', () => {
    expect([1, 2, 3, 5, 64].map((cores) => helpersWithCores(cores))).toEqual([1, 1, 2, 4, 4]);
  });

  it('mark beside the program where there are cores for them', async () => {
    expect(await helpersMarked('--v8-pool-size=1')).toEqual([true, true, true]);
  });

  it('do not where Node has made more', async () => {
    // On a machine with five cores Node's own number is right.
    const areFew = helpersWithCores() === 4;
    expect(await helpersMarked()).toEqual([areFew, areFew, areFew]);
    expect(await helpersMarked('--v8-pool-size=64')).toEqual([false, false, false]);
  });
});
