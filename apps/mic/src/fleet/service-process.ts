import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { MicError } from '@mic/domain';
import { checkHealth, helpersWithCores } from '@mic/rpc';

/** The services of an installation, in the order in which they are ended: the one that calls the others first. */
export const SERVICES = ['recall-gateway', 'user-embedder', 'ann-service', 'neighbor-store'] as const;
export type ServiceName = (typeof SERVICES)[number];

/** A running service. */
export interface ServiceProcess {
  readonly name: ServiceName;
  readonly pid: number;
  /** `host:port` that it listens on. */
  readonly address: string;
  /** Resolves when the process is gone, with how it ended. */
  readonly ended: Promise<string>;
  /** Resolves when the service says it is ready. @throws MicError UNAVAILABLE when it ends first or takes too long. */
  ready(timeoutMs: number): Promise<void>;
  /** SIGTERM, and SIGKILL when that does not end it within the grace. */
  stop(graceMs: number): Promise<void>;
}

const CHECK_EVERY_MS = 50;
const CHECK_DEADLINE_MS = 1_000;

/**
 * Starts a service with an environment of its own, in a process group of its own (a Ctrl-C goes to this process alone,
 * which ends the services in order), and waits until it listens. Its log goes to this process's stderr.
 *
 * @throws MicError UNAVAILABLE when it ends before it listens: what it printed says why.
 */
export async function startService(name: ServiceName, env: Readonly<Record<string, string>>): Promise<ServiceProcess> {
  const program = fileURLToPath(new URL(`../../${name}/dist/main.mjs`, import.meta.url));
  if (!existsSync(program)) {
    throw new MicError('FAILED_PRECONDITION', `${name} is not built: ${program} is missing`, {
      remedy: 'run `npm run setup` in the repository root',
    });
  }
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('MIC_')));
  const child = spawn(process.execPath, [`--v8-pool-size=${helpersWithCores()}`, program], {
    env: { ...inherited, ...env, MIC_PARENT_PID: String(process.pid) },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const ended = once(child, 'exit').then(([status, signal]: (number | string | null)[]) =>
    signal === null ? `with status ${status}` : `by ${signal}`,
  );
  const line = await Promise.race([once(createInterface(child.stdout), 'line'), ended]);
  if (typeof line === 'string') throw endedEarly(name, line);
  const { address, pid } = JSON.parse(String(line[0])) as { address: string; pid: number };
  return {
    name,
    pid,
    address,
    ended,
    ready: (timeoutMs) => untilReady(name, address, ended, timeoutMs),
    stop: (graceMs) => stop(child, ended, graceMs),
  };
}

async function untilReady(name: string, address: string, ended: Promise<string>, timeoutMs: number): Promise<void> {
  const giveUpAt = Date.now() + timeoutMs;
  let gone: string | undefined;
  void ended.then((how) => (gone = how));
  for (;;) {
    const status = await checkHealth(address, '', CHECK_DEADLINE_MS).catch(() => 'UNKNOWN' as const);
    if (status === 'SERVING') return;
    if (gone !== undefined) throw endedEarly(name, gone);
    if (Date.now() > giveUpAt) {
      throw new MicError('UNAVAILABLE', `${name} was not ready within ${timeoutMs / 1_000} s`, {
        remedy: 'its log above says what it waits for',
      });
    }
    await sleep(CHECK_EVERY_MS);
  }
}

async function stop(child: ChildProcess, ended: Promise<string>, graceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const abort = new AbortController();
  const grace = sleep(graceMs, 'late', { signal: abort.signal }).catch(() => undefined);
  if ((await Promise.race([ended, grace])) === 'late') child.kill('SIGKILL');
  abort.abort();
  await ended;
}

function endedEarly(name: string, how: string): MicError {
  return new MicError('UNAVAILABLE', `${name} ended ${how}`, { remedy: 'its log above says why' });
}
