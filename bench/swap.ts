import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetReleaseRequest, ReleaseServiceClient } from '@mic/contracts';
import { createClient, unary } from '@mic/rpc';
import { mic, up, type Installation } from './installation';
import { quantile, runLoad, runSteadyLoad, type CallRecord } from './load';

export interface SwapOptions {
  /** With two releases or more that passed their gates, and a history. */
  readonly home: string;
  readonly store?: string;
  readonly releaseIds: readonly string[];
  readonly userIds: readonly string[];
  readonly swaps: number;
  readonly deadlineMs: number;
}

/** What callers saw during a load. */
export interface LoadFigures {
  readonly calls: number;
  readonly callsPerSecond: number;
  readonly failed: number;
  readonly degraded: number;
  /** Answers whose items are not those of the release that they name. */
  readonly mixed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** What went wrong, each kind once. */
  readonly troubles: readonly string[];
}

export interface SwapReport {
  readonly saturationCallsPerSecond: number;
  readonly without: LoadFigures;
  readonly with: LoadFigures;
  readonly p99Ratio: number;
  /** Each swap: from the command until the gateway answered from the release, and until the old one was closed everywhere; resident memory then. */
  readonly swaps: readonly {
    readonly servedMs: number;
    readonly closedMs: number;
    readonly mib: Readonly<Record<string, number>>;
  }[];
  readonly mibAfterFifth: number;
  readonly mibAfterLast: number;
}

const SATURATION_CALLERS = 16;
const SATURATION_CALLS = 6_000;
const WITHOUT_MS = 60_000;
const LONGEST_MS = 1_800_000;
const LONGEST_SWAP_MS = 120_000;
/** Of twenty items, those that must be the release's own: near ties may fall otherwise from one batch of users to another. */
const OWN_ITEMS = 0.85;

/** A steady load at half of saturation, first alone, then while one release after the other is published. */
export async function benchSwap(options: SwapOptions, tell: (line: string) => void): Promise<SwapReport> {
  const { home, store, releaseIds, userIds, deadlineMs, swaps } = options;
  const at = ['--home', home, ...(store === undefined ? [] : ['--store', store])];
  const publish = (releaseId: string) =>
    mic('publish', ...at, '--release', releaseId, '--keep', String(releaseIds.length));
  // All are in the store before anything is measured, so that a swap is a swap and not an import.
  for (const releaseId of [...releaseIds].reverse()) await publish(releaseId);
  const installation = await up(...at);
  try {
    const target = installation.services['recall-gateway'].address;
    const load = { target, userIds, deadlineMs };
    const own = new Map<string, Map<string, readonly string[]>>();
    for (const releaseId of [...releaseIds.slice(1), releaseIds[0]!]) {
      await swapTo(releaseId, installation, () => publish(releaseId));
      const answers = await runLoad({
        ...load,
        deadlineMs: 2_000,
        calls: userIds.length,
        concurrency: 2,
        longestMs: LONGEST_MS,
      });
      own.set(releaseId, new Map(answers.map(({ userId, itemIds }) => [userId, itemIds])));
    }
    tell('each release has answered for each user');
    await runLoad({ ...load, calls: SATURATION_CALLS, concurrency: SATURATION_CALLERS, longestMs: LONGEST_MS });
    const started = performance.now();
    const most = await runLoad({
      ...load,
      calls: SATURATION_CALLS,
      concurrency: SATURATION_CALLERS,
      longestMs: LONGEST_MS,
    });
    const saturation = most.length / ((performance.now() - started) / 1_000);
    tell(`saturation: ${saturation.toFixed(0)} calls a second`);

    const steady = { ...load, callsPerSecond: saturation / 2, longestMs: LONGEST_MS };
    const without = figures(await runSteadyLoad({ ...steady, until: AbortSignal.timeout(WITHOUT_MS) }), own);
    tell(`without swaps: p99 ${without.p99Ms.toFixed(1)} ms`);
    const over = new AbortController();
    const running = runSteadyLoad({ ...steady, until: over.signal });
    const done: SwapReport['swaps'][number][] = [];
    for (let i = 1; i <= swaps; i++) {
      const releaseId = releaseIds[i % releaseIds.length]!;
      const swap = await swapTo(releaseId, installation, () => publish(releaseId));
      done.push({ ...swap, mib: memory(installation) });
      tell(`swap ${i}: served after ${(swap.servedMs / 1_000).toFixed(1)} s, ${sum(done.at(-1)!.mib).toFixed(0)} MiB`);
    }
    over.abort();
    const during = figures(await running, own);
    return {
      saturationCallsPerSecond: saturation,
      without,
      with: during,
      p99Ratio: during.p99Ms / without.p99Ms,
      swaps: done,
      mibAfterFifth: sum(done[Math.min(4, done.length - 1)]!.mib),
      mibAfterLast: sum(done.at(-1)!.mib),
    };
  } finally {
    await installation.stop();
  }
}

/** Publishes, and waits until every service has nothing but that release open (the neighbor-store keeps them all). */
async function swapTo(
  releaseId: string,
  { services }: Installation,
  publish: () => Promise<unknown>,
): Promise<{ readonly servedMs: number; readonly closedMs: number }> {
  const started = performance.now();
  const clients = (['recall-gateway', 'user-embedder', 'ann-service'] as const).map((name) =>
    createClient(ReleaseServiceClient, services[name].address),
  );
  const openIn = async (client: ReleaseServiceClient): Promise<readonly string[]> =>
    unary(client, 'getRelease', GetReleaseRequest.fromPartial({}), { deadlineMs: 2_000 }).then(
      ({ releases }) => releases.map((release) => release.releaseId),
      () => [],
    );
  try {
    await publish();
    while ((await openIn(clients[0]!))[0] !== releaseId) await pause(started);
    const servedMs = performance.now() - started;
    for (const client of clients) while ((await openIn(client)).join() !== releaseId) await pause(started);
    return { servedMs, closedMs: performance.now() - started };
  } finally {
    for (const client of clients) client.close();
  }
}

async function pause(startedAt: number): Promise<void> {
  if (performance.now() - startedAt > LONGEST_SWAP_MS) throw new Error(`a swap took more than ${LONGEST_SWAP_MS} ms`);
  await sleep(100);
}

function figures(
  records: readonly CallRecord[],
  own: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>,
): LoadFigures {
  const times = records.map(({ ms }) => ms).sort((a, b) => a - b);
  const failed = records.filter(({ code }) => code !== 'OK');
  const degraded = records.filter((record) => record.degraded);
  const isMixed = ({ releaseId, userId, itemIds }: CallRecord): boolean => {
    const expected = new Set(own.get(releaseId)?.get(userId));
    return itemIds.filter((id) => expected.has(id)).length < OWN_ITEMS * itemIds.length;
  };
  const mixed = records.filter((record) => record.code === 'OK' && !record.degraded && isMixed(record));
  const startedAt = records.map(({ startedAtMs }) => startedAtMs);
  const seconds =
    (startedAt.reduce((a, b) => Math.max(a, b), 0) - startedAt.reduce((a, b) => Math.min(a, b), Infinity)) / 1_000;
  return {
    calls: records.length,
    callsPerSecond: records.length / seconds,
    failed: failed.length,
    degraded: degraded.length,
    mixed: mixed.length,
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
    p999Ms: quantile(times, 0.999),
    maxMs: times.at(-1) ?? Number.NaN,
    troubles: [
      ...new Set([
        ...failed.map(({ code }) => code),
        ...degraded.map(({ troubled, failure }) => [troubled, failure].filter(Boolean).join(': ')),
      ]),
    ].sort(),
  };
}

/** Resident memory of the services, MiB. */
function memory({ services }: Installation): Record<string, number> {
  return Object.fromEntries(
    Object.entries(services).map(([name, { pid }]) => {
      const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1];
      return [name, Number(kib) / 1_024];
    }),
  );
}

const sum = (values: Readonly<Record<string, number>>): number => Object.values(values).reduce((a, b) => a + b, 0);
