import { setTimeout as sleep } from 'node:timers/promises';
import {
  AppendEventsRequest,
  EventServiceClient,
  ItemServiceClient,
  RecallRequest,
  RecallServiceClient,
  UpsertItemsRequest,
} from '@mic/contracts';
import { Random, type MicError } from '@mic/domain';
import { createClient, unary } from '@mic/rpc';
import { gatewayBeside, up } from './installation';
import { arrivalFigures, steadyFigures, type Arrival, type ArrivalFigures, type SteadyFigures } from './live-figures';
import { fieldsOfNewItems, forgetItems, type FieldsOf } from './live-items';
import { runLoad, runSteadyLoad } from './load';

export interface LiveOptions {
  /** With a published release and its history. */
  readonly home: string;
  readonly store?: string;
  readonly userIds: readonly string[];
  /** Items that are upserted, and events that are appended, one after the other. */
  readonly items: number;
  /** Mean pause between two of them, milliseconds; each is drawn from 0 to twice that. */
  readonly intervalMs: number;
  /** Of pauses, users and fields. */
  readonly seed: number;
  readonly deadlineMs: number;
  /** Calls by which saturation is found. */
  readonly saturationCalls: number;
}

/** How soon what one gateway was told counts there, and on another one. */
export interface LiveReport {
  readonly saturationCallsPerSecond: number;
  /** What callers of Recall saw meanwhile. */
  readonly load: SteadyFigures;
  /** From the start of UpsertItems, and from its answer, until a Recall that returns the item is answered. */
  readonly items: Readonly<
    Record<Replica, { readonly fromStart: ArrivalFigures; readonly fromAnswer: ArrivalFigures }>
  >;
  /** From the answer of AppendEvents until a Recall that does not return the item any more is answered. */
  readonly events: Readonly<Record<Replica, ArrivalFigures>>;
}

const REPLICAS = ['told', 'other'] as const;
/** The gateway that was called, and one beside it. */
export type Replica = (typeof REPLICAS)[number];

const SATURATION_CALLERS = 16;
const LONGEST_MS = 1_800_000;
/** Deadline of the calls that are measured, milliseconds: none is lost to it while the machine is busy. */
const PATIENT_MS = 5_000;
/** What has not come by then never does, milliseconds. */
const GIVE_UP_MS = 10_000;
const LOOK_EVERY_MS = 5;

/** Tells a gateway of items and of events under a steady load of Recall at half of saturation. */
export async function benchLive(options: LiveOptions, tell: (line: string) => void): Promise<LiveReport> {
  const { home, store = `${home}/store`, userIds, deadlineMs, saturationCalls, seed } = options;
  const installation = await up('--home', home, '--store', store);
  const beside = await gatewayBeside(installation, home, store).catch(async (error: unknown) => {
    await installation.stop();
    throw error;
  });
  const target = installation.services['recall-gateway'].address;
  const gateways = new Gateways(target, beside.address);
  /** Another run over the same store has other items. */
  const prefix = `bench-live-${seed}-${Date.now()}-`;
  try {
    const fieldsOf = await fieldsOfNewItems(home, target);
    const load = { target, userIds, deadlineMs, longestMs: LONGEST_MS };
    const saturate = () => runLoad({ ...load, calls: saturationCalls, concurrency: SATURATION_CALLERS });
    await saturate();
    const started = performance.now();
    const saturation = (await saturate()).length / ((performance.now() - started) / 1_000);
    tell(`saturation: ${saturation.toFixed(0)} calls a second`);

    const over = new AbortController();
    const running = runSteadyLoad({ ...load, callsPerSecond: saturation / 2, until: over.signal });
    const [items, events] = await tellAll(gateways, options, prefix, fieldsOf, tell).finally(() => {
      over.abort();
    });
    return {
      saturationCallsPerSecond: saturation,
      load: steadyFigures(await running),
      items: byReplica((replica) => ({
        fromStart: arrivalFigures(items[replica].map(({ fromStartMs }) => fromStartMs)),
        fromAnswer: arrivalFigures(items[replica].map(({ fromAnswerMs }) => fromAnswerMs)),
      })),
      events: byReplica((replica) => arrivalFigures(events[replica].map(({ fromAnswerMs }) => fromAnswerMs))),
    };
  } finally {
    gateways.close();
    await beside.stop();
    await installation.stop();
    await forgetItems(store, prefix);
  }
}

type Arrivals = Record<Replica, Arrival[]>;

async function tellAll(
  gateways: Gateways,
  { items: count, intervalMs, seed, userIds }: LiveOptions,
  prefix: string,
  fieldsOf: FieldsOf,
  tell: (line: string) => void,
): Promise<[items: Arrivals, events: Arrivals]> {
  const random = new Random(seed);
  const [items, events]: [Arrivals, Arrivals] = [
    { told: [], other: [] },
    { told: [], other: [] },
  ];
  for (let i = 0; i < count; i++) {
    await sleep(random.next() * 2 * intervalMs);
    const userId = userIds[random.below(userIds.length)]!;
    add(items, await gateways.upsert({ itemId: `${prefix}${i}`, fields: fieldsOf(random) }, userId));
    await sleep(random.next() * 2 * intervalMs);
    add(events, await gateways.append(userId));
    if ((i + 1) % 20 === 0) tell(`${i + 1} items and events`);
  }
  return [items, events];
}

function add(to: Arrivals, found: Record<Replica, Arrival>): void {
  for (const replica of REPLICAS) to[replica].push(found[replica]);
}

const byReplica = <T>(of: (replica: Replica) => T): Record<Replica, T> => ({ told: of('told'), other: of('other') });

/** Two gateways over the same services. */
class Gateways {
  readonly #recall: Record<Replica, RecallServiceClient>;
  readonly #items: ItemServiceClient;
  readonly #events: EventServiceClient;

  constructor(told: string, other: string) {
    this.#recall = { told: createClient(RecallServiceClient, told), other: createClient(RecallServiceClient, other) };
    this.#items = createClient(ItemServiceClient, told);
    this.#events = createClient(EventServiceClient, told);
  }

  /** Upserts an item and looks for it with a user who may have nothing else. */
  async upsert(
    item: NonNullable<Parameters<typeof UpsertItemsRequest.fromPartial>[0]['items']>[number],
    userId: string,
  ): Promise<Record<Replica, Arrival>> {
    const startedAt = performance.now();
    const request = UpsertItemsRequest.fromPartial({ items: [item] });
    await unary(this.#items, 'upsertItems', request, { deadlineMs: PATIENT_MS });
    return this.#watch(startedAt, { userId, onlyItemIds: [item.itemId!] }, (found) => found > 0);
  }

  /** Lets a user meet the best item, and looks until it is not returned any more. */
  async append(userId: string): Promise<Record<Replica, Arrival>> {
    const best = RecallRequest.fromPartial({ userId, n: 1 });
    const [item] = (await unary(this.#recall.told, 'recall', best, { deadlineMs: PATIENT_MS })).items;
    if (item === undefined) throw new Error(`there is no item for ${userId}: give --users that the release knows`);
    const { itemId } = item;
    const startedAt = performance.now();
    const events = [{ userId, itemId, timeMs: Date.now(), weight: 1 }];
    await unary(this.#events, 'appendEvents', AppendEventsRequest.fromPartial({ events }), { deadlineMs: PATIENT_MS });
    return this.#watch(startedAt, { userId, onlyItemIds: [itemId] }, (found) => found === 0);
  }

  close(): void {
    for (const client of [...Object.values(this.#recall), this.#items, this.#events]) client.close();
  }

  async #watch(
    startedAt: number,
    asked: Parameters<typeof RecallRequest.fromPartial>[0],
    isSo: (items: number) => boolean,
  ): Promise<Record<Replica, Arrival>> {
    const answeredAt = performance.now();
    const watch = async (replica: Replica): Promise<Arrival> => {
      const cameAt = await this.#cameAt(replica, RecallRequest.fromPartial(asked), isSo);
      return { fromStartMs: cameAt - startedAt, fromAnswerMs: cameAt - answeredAt };
    };
    const [told, other] = await Promise.all([watch('told'), watch('other')]);
    return { told, other };
  }

  /** When the first answer came in which it is so; Infinity when none has. An answer that lacks a channel proves nothing. */
  async #cameAt(replica: Replica, request: RecallRequest, isSo: (items: number) => boolean): Promise<number> {
    const giveUpAt = performance.now() + GIVE_UP_MS;
    while (performance.now() < giveUpAt) {
      const answer = await unary(this.#recall[replica], 'recall', request, { deadlineMs: PATIENT_MS }).catch(
        (_: MicError) => null,
      );
      if (answer !== null && !answer.degraded && isSo(answer.items.length)) return performance.now();
      await sleep(LOOK_EVERY_MS);
    }
    return Infinity;
  }
}
