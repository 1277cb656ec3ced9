import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';

const root = new URL('../../..', import.meta.url).pathname;

/** Starts a process whose stop is `stop`, sends it signals, and gives the exit code and what it printed. */
async function end(stop: string, signals: NodeJS.Signals[]): Promise<{ code: number | null; printed: string }> {
  const source = `
    import { stopOnSignals } from './libs/rpc/src/signals';
    stopOnSignals(${stop});
    setInterval(() => {}, 1_000);
    console.log('ready');`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', source], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let printed = '';
  let sent = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
    // One signal for each line: 'ready', then whatever stop prints.
    while (sent < signals.length && sent < printed.split('\n').length - 1) child.kill(signals[sent++]);
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  return { code, printed };
}

describe('stopOnSignals', () => {
  it('runs stop and exits with 0', async () => {
    const { code, printed } = await end('async (signal) => console.log("stop " + signal)', ['SIGTERM']);
    expect({ code, printed }).toEqual({ code: 0, printed: 'ready\nstop SIGTERM\n' });
  });

  it('exits with 1 when stop fails', async () => {
    expect((await end('() => Promise.reject(new Error("no"))', ['SIGINT'])).code).toBe(1);
  });

  it('ends at once on the second signal', async () => {
    const { code } = await end('() => { console.log("stopping"); return new Promise(() => {}); }', [
      'SIGTERM',
      'SIGINT',
    ]);
    expect(code).toBe(130);
  });
});
