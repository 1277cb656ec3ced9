import { setTimeout as sleep } from 'node:timers/promises';
import { hashIds, type ReleaseId } from '@mic/domain';
import { openStore } from '@mic/open-store';
import type { RedisCluster } from '@mic/redis-process';
import { runAppendLoad, type AppendRecord } from './append-load';
import { failoverFigures, type FailoverFigures } from './failover-figures';
import { up, type LogLine } from './installation';
import { runLoad, runSteadyLoad } from './load';

/** How a master goes: by SIGKILL, silent (SIGSTOP), or in order (CLUSTER FAILOVER on its replica). */
export type FailoverKind = 'kill' | 'freeze' | 'graceful';

export interface FailoverOptions {
  readonly home: string;
  /** File of profiles. */
  readonly profiles: string;
  readonly cluster: RedisCluster;
  readonly kind: FailoverKind;
  readonly releaseId: ReleaseId;
  readonly userIds: readonly string[];
  readonly callsPerSecond: number;
  readonly eventsPerSecond: number;
  readonly deadlineMs: number;
}

/** When what happened, milliseconds since the master was told to go; null: not seen. */
export interface FailoverTimes {
  /** The other masters say that the cluster is not whole. */
  readonly clusterFailed: number | null;
  /** The replica says that it is the master. */
  readonly promoted: number | null;
  /** A master that stayed says that the cluster is whole, after the promotion. */
  readonly clusterOk: number | null;
  readonly restarted: number | null;
}

export interface FailoverReport extends FailoverFigures {
  readonly kind: FailoverKind;
  readonly times: FailoverTimes;
  /** What the master had written, as read just before, that its replica did not have: bytes of the replication log; null where it went in order. */
  readonly bytesBehind: number | null;
  /** Lines of the services' logs at level warn or above, counted by service and message. */
  readonly warnings: Readonly<Record<string, number>>;
  /** Services that ended during the run. */
  readonly ended: readonly string[];
}

const BEFORE_MS = 5_000;
/** Goes on for so long after the cluster is whole again, and after the old master is back. */
const AFTER_MS = 10_000;
const LONGEST_MS = 120_000;
const LOOK_EVERY_MS = 20;
/** Users that get events and are not asked for: answers stay what they were before. */
const APPENDED_USERS = 200;
const BUCKETS = 64;
/** Number of pino's level. */
const WARN = 40;

/** Recall and AppendEvents at steady rates through four services while a master of the cluster is replaced by its replica. */
export async function benchFailover(options: FailoverOptions, tell: (line: string) => void): Promise<FailoverReport> {
  const { home, profiles, cluster, kind, releaseId, userIds, callsPerSecond, eventsPerSecond, deadlineMs } = options;
  const installation = await up('--home', home, '--store', cluster.url, '--profiles', profiles);
  try {
    const target = installation.services['recall-gateway'].address;
    const load = { target, userIds, deadlineMs, longestMs: LONGEST_MS };
    const first = { ...load, deadlineMs: 5_000, calls: userIds.length, concurrency: 4 };
    await runLoad(first);
    const reference = await runLoad(first);
    const over = new AbortController();
    const appendedTo = Array.from({ length: APPENDED_USERS }, (_, i) => `live-${i}`);
    const recalls = runSteadyLoad({ ...load, callsPerSecond, until: over.signal });
    const appends = runAppendLoad({
      ...load,
      userIds: appendedTo,
      eventsPerSecond,
      until: over.signal,
      graceMs: AFTER_MS,
    });
    await sleep(BEFORE_MS);
    // The master with the control records: the services' watch of the pointer loses them as well.
    const { master } = await cluster.ownersOf('mic:{meta}:pointer');
    const { goneAtMs, times, bytesBehind } = await failOver(cluster, kind, tell);
    await sleep(AFTER_MS);
    over.abort();
    const [calls, events] = await Promise.all([recalls, appends]);
    const missing = await missingEvents(cluster.url, releaseId, events);
    const isOnGone = new Map<string, boolean>();
    for (const userId of appendedTo) {
      const bucket = hashIds([userId])[0]! % BUCKETS;
      isOnGone.set(userId, (await cluster.ownersOf(`{${bucket}}`)).master === master);
    }
    const figures = failoverFigures({ calls, reference, events, missing, goneAtMs, isOnGone });
    return {
      kind,
      times,
      bytesBehind,
      ...figures,
      warnings: countedWarnings(installation.log),
      ended: Object.entries(installation.services).flatMap(([name, { pid }]) => (isAlive(pid) ? [] : [name])),
    };
  } finally {
    await installation.stop();
  }
}

async function failOver(
  cluster: RedisCluster,
  kind: FailoverKind,
  tell: (line: string) => void,
): Promise<{ readonly goneAtMs: number; readonly times: FailoverTimes; readonly bytesBehind: number | null }> {
  const { master, replica } = await cluster.ownersOf('mic:{meta}:pointer');
  const other = cluster.masters.find((node) => node !== master)!;
  const sent = offset(await cluster.ask(master, 'INFO', 'replication'), 'master_repl_offset');
  const goneAtMs = Date.now();
  if (kind === 'kill') master.process.kill('SIGKILL');
  else if (kind === 'freeze') master.process.kill('SIGSTOP');
  else await cluster.ask(replica, 'CLUSTER', 'FAILOVER');
  const has = offset(await cluster.ask(replica, 'INFO', 'replication'), 'slave_repl_offset');
  const since = (): number => Date.now() - goneAtMs;
  const times: Record<keyof FailoverTimes, number | null> = {
    clusterFailed: null,
    promoted: null,
    clusterOk: null,
    restarted: null,
  };
  while (times.clusterOk === null && since() < LONGEST_MS / 2) {
    const [info, role] = await Promise.all([cluster.ask(other, 'CLUSTER', 'INFO'), cluster.ask(replica, 'ROLE')]);
    const isOk = String(info).includes('cluster_state:ok');
    if (!isOk) times.clusterFailed ??= since();
    if (String(role).startsWith('master')) times.promoted ??= since();
    if (isOk && times.promoted !== null) times.clusterOk = since();
    await sleep(LOOK_EVERY_MS);
  }
  tell(`promoted after ${times.promoted} ms, cluster ok after ${times.clusterOk} ms`);
  await sleep(AFTER_MS);
  if (kind === 'kill') await cluster.restart(master);
  if (kind === 'freeze') master.process.kill('SIGCONT');
  if (kind !== 'graceful') times.restarted = since();
  return { goneAtMs, times, bytesBehind: kind === 'graceful' ? null : Math.max(0, sent - has) };
}

/** Acknowledged events that are in no history. */
async function missingEvents(
  url: string,
  releaseId: ReleaseId,
  events: readonly AppendRecord[],
): Promise<ReadonlySet<AppendRecord>> {
  const store = await openStore({ store: url });
  try {
    const missing = new Set(events.filter(({ acknowledgedAtMs }) => acknowledgedAtMs !== null));
    for (const userId of new Set(events.map((event) => event.userId))) {
      const request = { releaseId, userId, historyLimit: 10_000 };
      const options = { signal: new AbortController().signal, requestId: 'bench' };
      const { history } = await store.userContext(request, options);
      const there = new Set(Array.from(history.timesMs, (time, i) => `${time} ${history.itemHashes[2 * i]}`));
      const own = events.filter((event) => event.userId === userId);
      const hashes = hashIds(own.map(({ itemId }) => itemId));
      own.forEach((event, i) => there.has(`${event.timeMs} ${hashes[2 * i]}`) && missing.delete(event));
    }
    return missing;
  } finally {
    await store.close();
  }
}

function countedWarnings(log: readonly LogLine[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { service, msg, level } of log) {
    if (!(Number(level) >= WARN)) continue;
    const name = `${service}: ${msg}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

const offset = (info: unknown, name: string): number =>
  Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(String(info))?.[1] ?? Number.NaN);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
