import { cpuTimeMs } from './cpu-time';
import { serveOne, up } from './installation';
import { quantile, runLoad } from './load';

export interface RecallBenchOptions {
  readonly home: string;
  readonly store?: string;
  readonly userIds: readonly string[];
  readonly calls: number;
  readonly concurrency: number;
  readonly deadlineMs: number;
}

/** One shape under one load. */
export interface RecallRow {
  readonly shape: string;
  readonly concurrency: number;
  readonly calls: number;
  readonly failed: number;
  readonly degraded: number;
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time a call of each process, microseconds. */
  readonly cpuUs: Readonly<Record<string, number>>;
}

const LONGEST_LOAD_MS = 120_000;

/** The same load on one process and on four services: times as callers see them, CPU time by process. */
export async function benchRecall(options: RecallBenchOptions, onRow: (row: RecallRow) => void): Promise<void> {
  const { home, store } = options;
  const flags = ['--home', home, ...(store === undefined ? [] : ['--store', store])];
  const one = await serveOne(...flags);
  try {
    await measure('one process', one.address, { mic: one.pid }, options, onRow);
  } finally {
    await one.stop();
  }
  const four = await up(...flags);
  try {
    const pids = Object.fromEntries(Object.entries(four.services).map(([name, { pid }]) => [name, pid]));
    await measure('four services', four.services['recall-gateway'].address, pids, options, onRow);
  } finally {
    await four.stop();
  }
}

async function measure(
  shape: string,
  target: string,
  pids: Readonly<Record<string, number>>,
  { userIds, calls, concurrency, deadlineMs }: RecallBenchOptions,
  onRow: (row: RecallRow) => void,
): Promise<void> {
  const load = { target, userIds, deadlineMs, longestMs: LONGEST_LOAD_MS };
  await runLoad({ ...load, calls, concurrency }); // warm-up
  for (const callers of [...new Set([1, concurrency])]) {
    const before = Object.values(pids).map(cpuTimeMs);
    const started = performance.now();
    const records = await runLoad({ ...load, calls, concurrency: callers });
    const seconds = (performance.now() - started) / 1_000;
    const times = records.map(({ ms }) => ms).sort((a, b) => a - b);
    onRow({
      shape,
      concurrency: callers,
      calls: records.length,
      failed: records.filter(({ code }) => code !== 'OK').length,
      degraded: records.filter(({ degraded }) => degraded).length,
      callsPerSecond: records.length / seconds,
      p50Ms: quantile(times, 0.5),
      p99Ms: quantile(times, 0.99),
      cpuUs: Object.fromEntries(
        Object.entries(pids).map(([name, pid], i) => [
          name,
          ((cpuTimeMs(pid) - before[i]!) * 1_000) / Math.max(1, records.length),
        ]),
      ),
    });
  }
}
