import { setTimeout as sleep } from 'node:timers/promises';
import { up, type Installation, type ServiceName } from './installation';
import { quantile, runLoad, type CallRecord } from './load';

export interface FaultOptions {
  readonly home: string;
  readonly store?: string;
  readonly userIds: readonly string[];
  readonly calls: number;
  readonly concurrency: number;
  readonly deadlineMs: number;
}

/** One row of the report: a load while something is wrong. */
export interface FaultRow {
  readonly fault: string;
  readonly calls: number;
  readonly failed: number;
  /** Failed calls during which the gateway's event loop was not held up. */
  readonly unexplained: number;
  /** Answers of a load with a fault that did not say that they were degraded. */
  readonly unflagged: number;
  readonly outcomes: string;
  readonly items: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Longest delay that the gateway recorded of its event loop during the load. */
  readonly loopDelayMs: number;
}

const INNER: readonly ServiceName[] = ['user-embedder', 'ann-service', 'neighbor-store'];
const LONGEST_LOAD_MS = 120_000;
/** The services log the delay of every second; a second's line comes up to a second later. */
const LOG_WINDOW_MS = 1_100;

/** A load with all services well, then with each of the inner ones frozen (SIGSTOP), then ended (SIGKILL) and back. */
export async function benchFaults(options: FaultOptions, onRow: (row: FaultRow) => void): Promise<void> {
  const { home, store } = options;
  const flags = ['--home', home, ...(store === undefined ? [] : ['--store', store])];
  const installation = await up(...flags);
  const more: Installation[] = [];
  try {
    const load = (fault: string, isFault: boolean) => measure(fault, isFault, installation, options);
    await load('warm-up', false);
    onRow(await load('none', false));
    for (const name of INNER) {
      const { pid } = installation.services[name];
      process.kill(pid, 'SIGSTOP');
      try {
        onRow(await load(`${name} frozen`, true));
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      await sleep(3_000);
      onRow(await load(`${name} thawed`, false));
    }
    for (const name of INNER) {
      process.kill(installation.services[name].pid, 'SIGKILL');
      onRow(await load(`${name} ended`, true));
      more.push(await up(...flags, '--only', name));
      await sleep(2_000);
      onRow(await load(`${name} started again`, false));
    }
  } finally {
    for (const one of more) await one.stop();
    await installation.stop();
  }
}

async function measure(
  fault: string,
  isFault: boolean,
  { services, log }: Installation,
  { userIds, calls, concurrency, deadlineMs }: FaultOptions,
): Promise<FaultRow> {
  const startedAt = Date.now();
  const target = services['recall-gateway'].address;
  const records = await runLoad({ target, userIds, calls, concurrency, deadlineMs, longestMs: LONGEST_LOAD_MS });
  await sleep(LOG_WINDOW_MS);
  const delays = log
    .filter(({ service, msg }) => service === 'recall-gateway' && msg === 'event loop was delayed')
    .map(({ time, maxMs }) => ({ atMs: Date.parse(String(time)), maxMs: Number(maxMs) }))
    .filter(({ atMs }) => atMs >= startedAt);
  const failed = records.filter(({ code }) => code !== 'OK');
  const answered = records.filter(({ code }) => code === 'OK');
  const times = records.map(({ ms }) => ms).sort((a, b) => a - b);
  return {
    fault,
    calls: records.length,
    failed: failed.length,
    unexplained: failed.filter((record) => !delays.some(({ atMs }) => overlaps(record, atMs))).length,
    unflagged: isFault ? answered.filter(({ degraded }) => !degraded).length : 0,
    outcomes: [...new Set(records.map(({ code, troubled }) => (code === 'OK' ? troubled : code)))]
      .filter(Boolean)
      .sort()
      .join(' | '),
    items: answered.reduce((sum, { items }) => sum + items, 0) / Math.max(1, answered.length),
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
    maxMs: times.at(-1) ?? Number.NaN,
    loopDelayMs: Math.max(0, ...delays.map(({ maxMs }) => maxMs)),
  };
}

/** Whether a call ran during the second that ended then. */
function overlaps({ startedAtMs, ms }: CallRecord, windowEndMs: number): boolean {
  return startedAtMs <= windowEndMs && startedAtMs + ms >= windowEndMs - LOG_WINDOW_MS;
}
