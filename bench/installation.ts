import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { checkHealth } from '@mic/rpc';

/** The built command line. */
export const MIC = fileURLToPath(new URL('../apps/mic/bin/mic.mjs', import.meta.url));

const GATEWAY = fileURLToPath(new URL('../apps/recall-gateway/dist/main.mjs', import.meta.url));

export type ServiceName = 'user-embedder' | 'ann-service' | 'neighbor-store' | 'recall-gateway';

/** A line of a service's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly service?: string; readonly msg?: string };

/** `mic up` as a child of this process. */
export interface Installation {
  readonly services: Record<ServiceName, { readonly pid: number; readonly address: string }>;
  /** What the services logged so far. */
  readonly log: readonly LogLine[];
  stop(): Promise<void>;
}

/** Runs a command of the command line to its end. @throws Error with what it printed when it fails. */
export async function mic(...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [MIC, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  let complaints = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  const [status] = (await once(child, 'close')) as [number | null];
  if (status !== 0) throw new Error(`mic ${args.join(' ')} ended with ${status}: ${complaints}`);
  return printed;
}

/** Starts `mic up` with these flags and waits for its line. */
export async function up(...flags: string[]): Promise<Installation> {
  const { line, log, stop } = await start(['up', '--json', ...flags]);
  const { services } = JSON.parse(line) as Pick<Installation, 'services'>;
  return { services, log, stop };
}

/** `mic serve --all-in-one` as a child of this process. */
export interface OneProcess {
  readonly address: string;
  readonly pid: number;
  /** What it logged so far: errors alone unless the flags say `--log-level`. */
  readonly log: readonly LogLine[];
  stop(): Promise<void>;
}

/** Starts `mic serve --all-in-one` with these flags on a free port and waits for its line. */
export async function serveOne(...flags: string[]): Promise<OneProcess> {
  const args = ['serve', '--all-in-one', '--address', '127.0.0.1:0', '--log-level', 'error', ...flags];
  const { line, log, stop } = await start(args);
  const { address, pid } = JSON.parse(line) as { address: string; pid: number };
  return { address, pid, log, stop };
}

/** Starts a command that stays, and waits for the first line that it prints. @throws Error with its complaints when it ends. */
async function start(
  args: readonly string[],
): Promise<{ line: string; log: readonly LogLine[]; stop(): Promise<void> }> {
  const child = spawn(process.execPath, [MIC, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const log: LogLine[] = [];
  const complaints: string[] = [];
  createInterface(child.stderr).on('line', (line) => {
    if (line.startsWith('{')) log.push(JSON.parse(line) as LogLine);
    else complaints.push(line);
  });
  const ended = endedWithThisProcess(child);
  const first = await Promise.race([once(createInterface(child.stdout), 'line'), ended]);
  if (child.exitCode !== null) throw new Error(`mic ${args[0]} ended with ${child.exitCode}: ${complaints.join('\n')}`);
  return { line: String(first[0]), log, stop: () => stop(child, ended) };
}

/** Starts another gateway over the services of an installation, and waits until it says that it is ready. */
export async function gatewayBeside(
  { services }: Installation,
  home: string,
  store: string,
): Promise<{ readonly address: string; stop(): Promise<void> }> {
  const child = spawn(process.execPath, [GATEWAY], {
    env: {
      PATH: process.env.PATH,
      MIC_ADDRESS: '127.0.0.1:0',
      MIC_LOG_LEVEL: 'error',
      MIC_STORE: store,
      MIC_RELEASES: join(home, 'releases'),
      MIC_USER_EMBEDDER: services['user-embedder'].address,
      MIC_ANN_SERVICE: services['ann-service'].address,
      MIC_NEIGHBOR_STORE: services['neighbor-store'].address,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = endedWithThisProcess(child);
  const first = await Promise.race([once(createInterface(child.stdout), 'line'), ended]);
  if (child.exitCode !== null) throw new Error(`the recall-gateway ended with ${child.exitCode}`);
  const { address } = JSON.parse(String(first[0])) as { address: string };
  while ((await checkHealth(address, '', 1_000).catch(() => 'UNKNOWN')) !== 'SERVING') {
    if (child.exitCode !== null) throw new Error(`the recall-gateway ended with ${child.exitCode}`);
    await sleep(50);
  }
  return { address, stop: () => stop(child, ended) };
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGTERM');
});

/** Resolves when a child is gone, with how. It is ended at the latest when this process ends, by an error too (a signal leaves it). */
async function endedWithThisProcess(child: ChildProcess): Promise<unknown[]> {
  running.add(child);
  const how = (await once(child, 'exit')) as unknown[];
  running.delete(child);
  return how;
}

async function stop(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill('SIGTERM');
  await ended;
}
