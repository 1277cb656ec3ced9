import { join } from 'node:path';
import type { RecallResponse } from '@mic/contracts';
import { importMovieLens100k, openDataset, synthesize } from '@mic/dataset';
import { openStore } from '@mic/open-store';
import { DEFAULT_PROFILES } from '@mic/recall';
import type { Manifest } from '@mic/release';
import { createLogger, stopOnSignals } from '@mic/rpc';
import { parseBuildConfig } from '@mic/release-build';
import { parseTrainingConfig } from '@mic/training';
import { colours } from '../colours';
import { DEFAULT_ADDRESS } from '../address';
import { startAllInOne } from '../all-in-one';
import { callRecall } from '../call-recall';
import { startFleet } from '../fleet/fleet';
import type { Home } from '../home';
import { importHistory } from '../import-history';
import { printQuality } from '../print-quality';
import { printRecall } from '../print-recall';
import { withProgress } from '../progress';
import { runBuild } from '../run-build';
import { runPublish } from '../run-publish';
import { createRun, runTrain } from '../run-train';
import { pickDemoCast, type DemoCast, type DemoUser } from './pick-cast';

/** Where the demo's events come from. */
export type DemoSource = { readonly kind: 'synthetic' } | { readonly kind: 'movielens-100k'; readonly dir: string };

export interface DemoOptions {
  readonly home: Home;
  /** Address of the store. */
  readonly store: string;
  /** Serve from one process in place of the four services. */
  readonly allInOne: boolean;
  readonly source: DemoSource;
  readonly seed: number;
  /** End after the answers; otherwise serve until a signal comes. */
  readonly once: boolean;
  readonly json: boolean;
}

/** Size of the made world: trains in seconds, and large enough to show structure. */
const WORLD = { users: 2_000, items: 1_500, events: 60_000 };
const SHOWN_USERS = 3;
const SHOWN_ITEMS = 20;
/** Generous, for the first calls of a process that has just started on a busy machine. */
const DEADLINE_MS = 5_000;
const DRAIN_TIMEOUT_MS = 5_000;
const READY_TIMEOUT_MS = 120_000;

/** The whole way from events to answers, under one home. */
export async function runDemo({ home, store, allInOne, source, seed, once, json }: DemoOptions): Promise<void> {
  const timingsMs: Record<string, number> = {};
  const timed = async <T>(step: string, work: () => Promise<T>): Promise<T> => {
    const started = performance.now();
    const result = await work();
    timingsMs[step] = Math.round(performance.now() - started);
    return result;
  };
  const data = join(home.datasets, `demo-${source.kind}`);
  const out = join(home.runs, `demo-${source.kind}`);

  await timed('data', () => makeDataset(source, seed, data));
  const config = parseTrainingConfig({});
  const begin = () => createRun(out, { config, protocol: 'leave-one-out', seed }, true);
  await timed('train', () => runTrain({ data, begin }));
  const manifest = await timed('build', () =>
    runBuild({ model: out, data, home, config: parseBuildConfig(), parent: null }),
  );
  const cast = await timed('publish', () => publishWithHistory(home, store, manifest, data));

  const address = once ? '127.0.0.1:0' : DEFAULT_ADDRESS;
  const server = await timed('start', () => (allInOne ? oneProcess : fourServices)({ home, store, address }));
  try {
    const recalls = await timed('recall', () => recallAll(server.address, cast.users));
    if (json) console.log(JSON.stringify({ release: manifest, timingsMs, recalls }));
    else show(manifest, cast, recalls, timingsMs);
  } catch (error) {
    await server.stop();
    throw error;
  }
  if (once) await server.stop();
  else {
    stopOnSignals(() => server.stop());
    console.error(`\nserving on ${server.address}; ask it from another terminal:`);
    console.error(`  npx mic recall --user ${cast.users[0]!.userId} -n 10 --target ${server.address}`);
    console.error('Ctrl-C ends it.');
  }
}

/** What answers, however many processes it is. */
interface DemoServer {
  readonly address: string;
  stop(): Promise<void>;
}

interface DemoServerOptions {
  readonly home: Home;
  readonly store: string;
  /** Of the gateway. */
  readonly address: string;
}

function oneProcess(options: DemoServerOptions): Promise<DemoServer> {
  const logger = createLogger({ level: 'warn', service: 'mic' });
  return startAllInOne({
    ...options,
    limits: {},
    eventLog: options.home.events,
    decisions: { folder: null, share: 0 },
    profiles: () => DEFAULT_PROFILES,
    logger,
    drainTimeoutMs: DRAIN_TIMEOUT_MS,
  });
}

async function fourServices({ home, store, address }: DemoServerOptions): Promise<DemoServer> {
  const { up, stop } = await startFleet({
    home,
    store,
    gatewayAddress: address,
    limits: {},
    eventLog: home.events,
    decisions: null,
    profiles: null,
    logLevel: 'warn',
    drainTimeoutMs: DRAIN_TIMEOUT_MS,
    readyTimeoutMs: READY_TIMEOUT_MS,
  });
  return { address: up.services['recall-gateway']!.address, stop };
}

async function makeDataset(source: DemoSource, seed: number, out: string): Promise<void> {
  await withProgress('data', (onProgress) =>
    source.kind === 'synthetic'
      ? synthesize({ ...WORLD, seed, out, force: true, onProgress })
      : importMovieLens100k({ dir: source.dir, out, force: true, onProgress }),
  );
}

/** Fills the store: history first, so that a release never serves users without one. */
async function publishWithHistory(
  home: Home,
  storeAddress: string,
  manifest: Manifest,
  data: string,
): Promise<DemoCast> {
  const dataset = await openDataset(data);
  try {
    const store = await openStore({ store: storeAddress });
    try {
      await withProgress('history', (onProgress) => importHistory(dataset, store, onProgress));
    } finally {
      await store.close();
    }
    await runPublish({ home, releaseId: manifest.id, store: storeAddress });
    return await pickDemoCast(dataset, SHOWN_USERS);
  } finally {
    await dataset.close();
  }
}

async function recallAll(address: string, users: readonly DemoUser[]): Promise<RecallResponse[]> {
  const recalls: RecallResponse[] = [];
  for (const { userId } of users) recalls.push(await callRecall(address, DEADLINE_MS, { userId, n: SHOWN_ITEMS }));
  return recalls;
}

function show(
  manifest: Manifest,
  { users, titleOf }: DemoCast,
  recalls: readonly RecallResponse[],
  timingsMs: Readonly<Record<string, number>>,
): void {
  console.log(`\n${colours.bold(`release ${manifest.id}`)}\n${printQuality(manifest)}`);
  users.forEach((user, i) => {
    console.log(`\n${colours.bold(`user ${user.userId}`)}, most recently:`);
    for (const { itemId, title, category } of user.recent)
      console.log(`  ${title || itemId}  ${colours.dim(category)}`);
    console.log(printRecall(recalls[i]!, titleOf));
  });
  const times = Object.entries(timingsMs).map(([step, ms]) => `${step} ${(ms / 1000).toFixed(1)} s`);
  console.log(`\n${times.join(', ')}`);
}
