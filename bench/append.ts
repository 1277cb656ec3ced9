import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppendEventsRequest, AppendEventStreamRequest, EventServiceClient } from '@mic/contracts';
import { clientStream, createClient, unary } from '@mic/rpc';
import { cpuTimeMs } from './cpu-time';
import { serveOne } from './installation';
import { quantile } from './load';

export interface AppendBenchOptions {
  readonly home: string;
  /** Calls of one event each, for each number of callers. */
  readonly calls: number;
  readonly concurrency: number;
  /** Events of the stream, 100 a message. */
  readonly streamEvents: number;
}

/** One way to append, without the event log or with it. */
export interface AppendRow {
  readonly way: string;
  readonly eventLog: boolean;
  readonly eventsPerSecond: number;
  /** Of a call, milliseconds; NaN for the stream. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time of the service an event, microseconds. */
  readonly cpuUs: number;
  /** The largest memory of the service meanwhile, without files that it maps (the store), MiB. */
  readonly peakMiB: number;
}

const EVENTS_A_MESSAGE = 100;
/** So many that histories stay short: what a long one costs is another matter. */
const USERS = 100_000;
const DEADLINE_MS = 30_000;
let made = 0;
const nextEvent = () => ({
  userId: `bench-${made % USERS}`,
  itemId: `item-${made % 997}`,
  timeMs: Date.now() + made++,
});

/** Appends by `mic serve` into a store of the home's release: single calls, and a stream. */
export async function benchAppend(options: AppendBenchOptions, onRow: (row: AppendRow) => void): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'mic-bench-events-'));
  try {
    for (const eventLog of [false, true, false, true]) {
      const server = await serveOne(
        '--home',
        options.home,
        ...(eventLog ? ['--event-log', folder] : ['--no-event-log']),
      );
      const client = createClient(EventServiceClient, server.address);
      try {
        await callAll(client, 500, 16); // warm-up
        for (const callers of [1, options.concurrency]) {
          const row = await measured(server.pid, options.calls, () => callAll(client, options.calls, callers));
          onRow({ way: `calls of 1 event, ${callers} at a time`, eventLog, ...row });
        }
        const row = await measured(server.pid, options.streamEvents, () => streamAll(client, options.streamEvents));
        onRow({ way: `a stream, ${EVENTS_A_MESSAGE} events a message`, eventLog, ...row });
      } finally {
        client.close();
        await server.stop();
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measured(pid: number, events: number, work: () => Promise<readonly number[]>) {
  const cpuBefore = cpuTimeMs(pid);
  let peakKiB = 0;
  const watch = setInterval(() => {
    const [, own] = /RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!;
    peakKiB = Math.max(peakKiB, Number(own));
  }, 50);
  const started = performance.now();
  const times = [...(await work())].sort((a, b) => a - b);
  const ms = performance.now() - started;
  clearInterval(watch);
  return {
    eventsPerSecond: (events * 1_000) / ms,
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
    cpuUs: ((cpuTimeMs(pid) - cpuBefore) * 1_000) / events,
    peakMiB: peakKiB / 1_024,
  };
}

/** Milliseconds of each call. */
async function callAll(client: EventServiceClient, calls: number, callers: number): Promise<number[]> {
  const times: number[] = [];
  let left = calls;
  const call = async (): Promise<void> => {
    while (left-- > 0) {
      const request = AppendEventsRequest.fromPartial({ events: [nextEvent()] });
      const started = performance.now();
      await unary(client, 'appendEvents', request, { deadlineMs: DEADLINE_MS });
      times.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: callers }, call));
  return times;
}

async function streamAll(client: EventServiceClient, events: number): Promise<number[]> {
  function* messages(): Generator<AppendEventStreamRequest> {
    for (let at = 0; at < events; at += EVENTS_A_MESSAGE) {
      yield AppendEventStreamRequest.fromPartial({ events: Array.from({ length: EVENTS_A_MESSAGE }, nextEvent) });
    }
  }
  await clientStream(client, 'appendEventStream', messages());
  return [];
}
