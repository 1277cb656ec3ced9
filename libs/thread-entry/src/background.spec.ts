import { readFileSync, readlinkSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { threadEntry } from './thread-entry';

/** The nice value of a thread, field 19 of its stat; its name, in parentheses, may hold anything. */
const niceOf = (stat: string): number => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);

describe.runIf(process.platform === 'linux')('runInBackground', () => {
  it('lowers the thread that calls it, and no other', async () => {
    const { execArgv } = threadEntry('background', import.meta.url);
    const program = `
      import { parentPort } from 'node:worker_threads';
      import { readFileSync } from 'node:fs';
      const { runInBackground } = await import(${JSON.stringify(new URL('./background.ts', import.meta.url).href)});
      runInBackground();
      parentPort.postMessage(readFileSync('/proc/thread-self/stat', 'utf8'));`;
    const url = new URL(`data:text/javascript,${encodeURIComponent(program)}`);
    const worker = new Worker(url, { execArgv: [...execArgv] });
    const own = (): number =>
      niceOf(readFileSync(`/proc/self/task/${readlinkSync('/proc/thread-self').split('/').at(-1)}/stat`, 'utf8'));
    const before = own();
    const stat = await new Promise<string>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    expect([niceOf(stat), own()]).toEqual([19, before]);
    await worker.terminate();
  });
});
