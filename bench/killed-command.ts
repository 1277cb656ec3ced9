import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { MIC } from './installation';

/** How a command of the command line ended. */
export interface Ended {
  /** Exit status; null where the signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

/**
 * Runs a command of the command line, and ends it by SIGKILL after a time if it runs so long.
 *
 * @param killAfterMs since the process was started; without it the command runs to its end.
 */
export async function runKilled(args: readonly string[], killAfterMs?: number): Promise<Ended> {
  const started = performance.now();
  const child = spawn(process.execPath, [MIC, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  const [status] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  return { status, stdout, stderr, ms: performance.now() - started };
}
