import { setTimeout as sleep } from 'node:timers/promises';
import { DecisionLog, tellDecisionTrouble } from '@mic/decision-log';
import { ItemWrites, LiveItemsFollower } from '@mic/live-items';
import { largestN, LateBreakers, warmUp, type HistoryWriter, type ItemWriter, type RecallService } from '@mic/recall';
import { WatchedProfiles } from '@mic/recall-api';
import {
  ItemIndexClient,
  lacking,
  NeighborClient,
  ReleaseHolders,
  UserEmbedderClient,
  type BreakerEvent,
  type CallersRelease,
} from '@mic/service-clients';
import {
  serveReleases,
  storeRecords,
  tellLate,
  type Host,
  type Opened,
  type OpenReleases,
  type ReleaseOpener,
} from '@mic/service-host';
import type { config } from './config';
import { openEngine, type Engine } from './open-engine';

/** What the gateway answers from. */
export interface Gateway {
  readonly recall: RecallService;
  readonly history: HistoryWriter;
  readonly items: ItemWriter;
  /** Largest `n` that any profile allows. */
  maxN(): number;
}

/** The recall path over the three services; each request is answered by one release, from its first call to its last. */
export async function openGateway(settings: ReturnType<typeof config.parse>, host: Host): Promise<Opened<Gateway>> {
  const decisions = await openDecisions(settings, host);
  const profiles = await WatchedProfiles.open(settings.MIC_PROFILES, host.logger).catch(async (error: unknown) => {
    await decisions?.close();
    throw error;
  });
  const telling = { onBreaker: tellBreaker(host) };
  const embedder = UserEmbedderClient.connect(settings.MIC_USER_EMBEDDER, telling);
  const index = ItemIndexClient.connect(settings.MIC_ANN_SERVICE, telling);
  const neighbors = NeighborClient.connect(settings.MIC_NEIGHBOR_STORE, telling);
  const holders = new ReleaseHolders({
    'user-embedder': settings.MIC_USER_EMBEDDER,
    'ann-service': settings.MIC_ANN_SERVICE,
    'neighbor-store': settings.MIC_NEIGHBOR_STORE,
  });
  const records = storeRecords(settings.MIC_STORE);
  const liveItems = new LiveItemsFollower({ records: () => records.get(), logger: host.logger });
  let isWarm = false;
  const closeClients = async (): Promise<void> => {
    for (const client of [embedder, index, neighbors, holders, profiles]) client.close();
    await liveItems.close();
    await decisions?.close();
  };
  const surroundings = {
    releases: settings.MIC_RELEASES,
    ...{ embedder, index, neighbors, liveItems, decisions },
    profiles: () => profiles.current,
    queueDelayMs: () => host.loopDelay.recentMs(),
    lateBreakers: new LateBreakers({ onLate: tellLate(host) }),
  };
  const opener: ReleaseOpener<Engine> = {
    async open(pointer, beside) {
      if (beside) await untilHeld(holders, pointer, host.stopping);
      return openEngine(surroundings, pointer, beside);
    },
    async hindrance({ summary }) {
      const without = lacking(await holders.ask([summary.releaseId]), summary);
      return without.length === 0 ? null : `release ${summary.releaseId} is not open yet in ${without.join(', ')}`;
    },
    warmUp: ({ value: { engine, catalog } }) => {
      const rounds = isWarm ? 1 : undefined;
      isWarm = true;
      return warmUp(engine, catalog, rounds);
    },
    async alternative() {
      const holdings = await holders.ask([]);
      const sealed = await (await records.get()).releases();
      const held = sealed.toReversed().find((release) => lacking(holdings, release).length === 0);
      return held ? { ...held, movedAtMs: 0 } : null;
    },
  };
  /** What is open here is in use there. */
  const nameReleases = async (releases: OpenReleases<Engine>): Promise<void> => {
    await holders.ask(releases.state().open.map(({ releaseId }) => releaseId));
  };
  try {
    const served = await serveReleases({ host, settings, opener, records, onLook: nameReleases });
    return {
      value: {
        recall: {
          recall: (request, ...call) => {
            const wanted = request.releaseId === undefined ? undefined : { releaseId: request.releaseId };
            return served.value.use(wanted, ({ engine }) => engine.recall(request, ...call));
          },
        },
        history: new NeighborClient(neighbors, ''),
        items: new ItemWrites({
          writer: new NeighborClient(neighbors, ''),
          follower: liveItems,
          schema: () => served.value.use(undefined, ({ schema }) => Promise.resolve(schema)),
        }),
        maxN: () => largestN(profiles.current),
      },
      releases: () => served.releases(),
      close: () => served.close().finally(closeClients),
    };
  } catch (error) {
    await closeClients();
    throw error;
  }
}

/** What opens and closes breakers is for the log and the metrics. */
function tellBreaker({ logger, metrics }: Host): (event: BreakerEvent) => void {
  return ({ service, rpc, isOpen, faults, lastFault: { code, message } }) => {
    metrics.showBreaker(service, rpc, isOpen);
    const fields = { callee: service, rpc, faults, code, error: message };
    if (isOpen) logger.warn(fields, 'calls are spared');
    else logger.info(fields, 'calls are made again');
  };
}

async function openDecisions(
  { MIC_DECISION_LOG: folder, MIC_DECISION_SAMPLE: share }: ReturnType<typeof config.parse>,
  { logger }: Host,
): Promise<DecisionLog | null> {
  if (folder === undefined) return null;
  return DecisionLog.open({ folder, share, onTrouble: tellDecisionTrouble(logger) });
}

/** How long the gateway leaves the others the machine, milliseconds, and how often it looks. */
const LEAVE_OTHERS_MS = 15_000;
const LOOK_EVERY_MS = 500;

/**
 * Waits until the services have a release, within bounds: the gateway cannot serve it before, and where all are on one machine
 * they do not open it all at once.
 */
async function untilHeld(holders: ReleaseHolders, pointer: CallersRelease, stopping: AbortSignal): Promise<void> {
  const giveUpAt = performance.now() + LEAVE_OTHERS_MS;
  while (!stopping.aborted && performance.now() < giveUpAt) {
    if (lacking(await holders.ask([pointer.releaseId]), pointer).length === 0) return;
    await sleep(LOOK_EVERY_MS, undefined, { signal: stopping }).catch(() => undefined);
  }
}
