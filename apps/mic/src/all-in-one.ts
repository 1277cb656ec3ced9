import { EventLogWriter, loggedHistory, tellTrouble } from '@mic/event-log';
import { DecisionLog, tellDecisionTrouble } from '@mic/decision-log';
import { ItemWrites, LiveItemsFollower } from '@mic/live-items';
import { openLocalEngine, type LocalEngine } from '@mic/local-recall';
import { ServiceMetrics } from '@mic/metrics';
import { openStore } from '@mic/open-store';
import { largestN, LateBreakers, type Profiles } from '@mic/recall';
import { recallApi } from '@mic/recall-api';
import { collectGently, letCallsDieYoung, startServer, type Logger } from '@mic/rpc';
import {
  noRelease,
  recordEventLoopDelay,
  releaseApi,
  serveReleases,
  tellLate,
  type Host,
  type Opened,
  type OpenReleases,
} from '@mic/service-host';
import { checkPublished } from './check-published';
import type { DecisionFlags } from './decision-log-option';
import type { Home } from './home';
import { storeOptionsOf, type StoreLimits } from './store-limits';

export interface AllInOneOptions {
  readonly home: Home;
  /** Address of the store. */
  readonly store: string;
  /** `host:port` to listen on; port 0 takes a free one. */
  readonly address: string;
  /** Asked for each request. */
  readonly profiles: () => Profiles;
  readonly logger: Logger;
  /** Time that calls in flight get when the server stops, milliseconds. */
  readonly drainTimeoutMs: number;
  readonly limits: StoreLimits;
  /** Folder of the event log, or null for none. */
  readonly eventLog: string | null;
  readonly decisions: DecisionFlags;
}

export interface AllInOne {
  /** `host:port` that is listened on. */
  readonly address: string;
  readonly releaseId: string;
  /** Drains the server, then closes what it served from. */
  stop(): Promise<void>;
}

/** As the services have them by default. */
const RELEASE_SETTINGS = { MIC_RELEASE_POLL_MS: 1_000, MIC_RELEASE_LINGER_MS: 10_000, MIC_OPEN_RELEASES: 2 };

/**
 * The whole recall path in this process, behind the public API: the release that the store points at, verified, and each
 * one that is published after it.
 *
 * @throws MicError FAILED_PRECONDITION when nothing is published, DATA_LOSS when the release is damaged.
 */
export async function startAllInOne(options: AllInOneOptions): Promise<AllInOne> {
  const { home, store: storeAddress, address, profiles, logger, drainTimeoutMs, eventLog, decisions } = options;
  letCallsDieYoung();
  // Closed in reverse order, whatever of it was opened.
  const opened: (() => Promise<void>)[] = [];
  const closeAll = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (const close of opened.splice(0).reverse()) await close().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  };
  try {
    await checkPublished(home, storeAddress);
    const store = await openStore({ store: storeAddress, ...storeOptionsOf(options.limits) });
    opened.push(() => store.close());
    const log =
      eventLog === null
        ? null
        : await EventLogWriter.open({ folder: eventLog, onTrouble: tellTrouble(logger, eventLog) });
    if (log) opened.push(() => log.close());
    const onTrouble = tellDecisionTrouble(logger);
    const decisionLog =
      decisions.folder === null ? null : await DecisionLog.open({ ...decisions, folder: decisions.folder, onTrouble });
    if (decisionLog) opened.push(() => decisionLog.close());
    const liveItems = new LiveItemsFollower({ records: () => Promise.resolve(store), logger });
    opened.push(() => liveItems.close());
    const ending = new AbortController();
    const state: { served?: Opened<OpenReleases<LocalEngine>> } = {};
    const ready = (): Opened<OpenReleases<LocalEngine>> => {
      if (!state.served) throw noRelease();
      return state.served;
    };
    const services = [
      ...recallApi({
        recall: {
          recall: async (request, ...call) => {
            const wanted = request.releaseId === undefined ? undefined : { releaseId: request.releaseId };
            return ready().value.use(wanted, ({ engine }) => engine.recall(request, ...call));
          },
        },
        history: log ? loggedHistory(store, log) : store,
        items: new ItemWrites({
          writer: store,
          follower: liveItems,
          schema: async () => ready().value.use(undefined, ({ schema }) => Promise.resolve(schema)),
        }),
        maxN: () => largestN(profiles()),
      }),
      releaseApi(ready),
    ];
    const loopDelay = recordEventLoopDelay(logger);
    opened.push(async () => {
      await state.served?.close();
      loopDelay.stop();
    });
    const queueDelayMs = (): number => loopDelay.recentMs();
    const server = await startServer({
      address,
      services,
      logger,
      drainTimeoutMs,
      eventLoop: loopDelay,
      answersInGrace: true,
    });
    opened.push(() => {
      // No further release is opened; calls under way are answered from those that are.
      ending.abort();
      return server.stop();
    });
    const host: Host = {
      logger,
      loopDelay,
      metrics: new ServiceMetrics('mic'),
      stopping: ending.signal,
      showReleases: ({ current, problem }) => {
        server.setUpToDate(current !== null && problem === null);
      },
    };
    const surroundings = {
      releases: home.releases,
      store,
      profiles,
      liveItems,
      decisions: decisionLog,
      queueDelayMs,
      lateBreakers: new LateBreakers({ onLate: tellLate(host) }),
    };
    state.served = await serveReleases({
      host,
      settings: RELEASE_SETTINGS,
      opener: {
        open: (pointer, beside) => openLocalEngine(surroundings, pointer, beside),
      },
      records: { get: () => Promise.resolve(store), close: () => Promise.resolve() },
    });
    collectGently();
    server.setServing(true);
    const { current } = await state.served.releases();
    logger.info({ address: server.address, release: current?.releaseId, items: current?.items }, 'serving');
    return { address: server.address, releaseId: current!.releaseId, stop: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
}
