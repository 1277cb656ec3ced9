import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export const MIC = fileURLToPath(new URL('../../apps/mic/bin/mic.mjs', import.meta.url));

export interface Finished {
  /** Exit status; null when a signal ended the process. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built command line to its end. */
export async function mic(...args: string[]): Promise<Finished> {
  const child = spawn(process.execPath, [MIC, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout, stderr };
}

/** Last line of what a process printed, as JSON. */
export function lastJson<T>(stdout: string): T {
  return JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as T;
}

export interface Served {
  readonly address: string;
  readonly releaseId: string;
  readonly process: ChildProcess;
  /** What it has written to standard error so far. */
  log(): string;
  /** Ends the process by a signal and gives its exit status. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts `mic serve --all-in-one` on a free port of the loopback and waits until it serves. */
export async function serve(home: string, ...flags: string[]): Promise<Served> {
  const args = [MIC, 'serve', '--all-in-one', '--home', home, '--address', '127.0.0.1:0', ...flags];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (chunk: Buffer) => {
      resolve(chunk.toString());
    });
    child.once('exit', (status) => {
      reject(new Error(`mic serve ended with ${status}: ${stderr}`));
    });
  });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  return {
    ...lastJson<{ address: string; releaseId: string }>(line),
    process: child,
    log: () => stderr,
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal);
      const [status] = await exited;
      return status;
    },
  };
}

export type ServiceName = 'user-embedder' | 'ann-service' | 'neighbor-store' | 'recall-gateway';

/** A running `mic up`. */
export interface Up {
  /** As it printed them. */
  readonly services: Record<ServiceName, { readonly pid: number; readonly address: string }>;
  readonly process: ChildProcess;
  /** The line of JSON that it printed. */
  readonly line: string;
  /** What it and the services wrote to stderr so far. */
  log(): string;
  /** Ends it by a signal and gives its exit status. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts `mic up` and waits for its line. */
export async function up(home: string, ...flags: string[]): Promise<Up> {
  const args = [MIC, 'up', '--json', '--home', home, '--drain-timeout-ms', '2000', ...flags];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (chunk: Buffer) => {
      resolve(chunk.toString());
    });
    child.once('exit', (status) => {
      reject(new Error(`mic up ended with ${status}: ${stderr}`));
    });
  });
  return {
    ...(JSON.parse(line) as Pick<Up, 'services'>),
    process: child,
    line,
    log: () => stderr,
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal);
      const [status] = await exited;
      return status;
    },
  };
}

/** True while a process of that id is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
