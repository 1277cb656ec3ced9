import { join } from 'node:path';
import { openLocalEngine } from '@mic/local-recall';
import { openDataset } from '@mic/dataset';
import { hashIds, NO_ROW, type HistoryTable } from '@mic/domain';
import {
  bestUnmasked,
  itemPopularity,
  leaveOneOut,
  Measures,
  rankingMetrics,
  recentPopularity,
  sampleCases,
  type Interval,
} from '@mic/evaluation';
import { LiveItemsFollower } from '@mic/live-items';
import { openStore } from '@mic/open-store';
import {
  profileSchema,
  type PackedHistories,
  type PackedHistory,
  type RankedRecall,
  type Store,
  type UserContext,
} from '@mic/recall';
import { createLogger } from '@mic/rpc';
import { loadSplit } from '@mic/training';

export interface UnknownUsersOptions {
  readonly home: string;
  /** The dataset that the published release was trained on, with --protocol leave-one-out. */
  readonly data: string;
  /** Test users at most. */
  readonly cases: number;
  /** Newest events that are told of each. */
  readonly events: number;
  readonly seed: number;
}

/** Figures of one way of answering. */
export interface UnknownUsersRow {
  readonly way: string;
  readonly cases: number;
  /** By `HR@50` and so on. */
  readonly metrics: Readonly<Record<string, Interval>>;
}

const CUTS = [10, 50, 200] as const;
const LENGTH = CUTS.at(-1)!;
/** Half lives of popularity that are tried, as shares of the training's time span; Infinity counts all events alike. */
const HALF_LIVES = [Infinity, 0.3, 0.1, 0.03, 0.01];

/**
 * Users whose id is masked, with their newest training events as inline history: how often the held-out last event is among the items
 * of the online path, of each channel alone, of popularity (its half life chosen on the last but one events), and of the same
 * path that knows the user. No list has the told events.
 */
export async function benchUnknownUsers(options: UnknownUsersOptions): Promise<readonly UnknownUsersRow[]> {
  const dataset = await openDataset(options.data);
  const store = await openStore({ store: join(options.home, 'store') });
  const logger = createLogger({ level: 'warn', service: 'bench' });
  const liveItems = new LiveItemsFollower({ records: () => Promise.resolve(store), logger });
  try {
    const pointer = await store.pointer();
    if (pointer === null) throw new Error(`nothing is published in ${options.home}`);
    const split = await loadSplit(dataset, { protocol: 'leave-one-out', cutMs: null, historyCap: 1_000, coldItems: 0 });
    const { train, userIds, itemIds } = split;
    const cases = sampleCases(split.cases, options.cases, options.seed);
    await store.importHistories(packed(train, userIds, itemIds));
    const masked: Masked = { profile: null, self: '' };
    const profiles = { default: 'bench', profiles: { bench: PROFILE } };
    const surroundings = {
      releases: join(options.home, 'releases'),
      store: maskedStore(store, masked),
      profiles: () => profiles,
      liveItems,
      decisions: null,
    };
    const { value, close } = await openLocalEngine(surroundings, pointer, false);
    try {
      const fields = await dataset.loadUserProfiles(value.schema, userIds);
      const width = fields.length / userIds.length;
      const rowOf = new Map(itemIds.map((id, row) => [id, row]));
      const rowsOf = ({ items }: RankedRecall, rows: ArrayLike<number>): Uint32Array =>
        Uint32Array.from(rows, (row) => rowOf.get(items.itemId(row))!);
      const merged = (ranked: RankedRecall): Uint32Array =>
        rowsOf(
          ranked,
          ranked.order.map((i) => ranked.merged.rows[i]!),
        );
      const popularity = bestPopularity(train);
      const measures = new Measures(CUTS);
      for (const { user, relevant } of cases) {
        const known = newestOf(train, user, options.events);
        const inlineHistory = toHistory(known, itemIds);
        const ask = (userId: string): Promise<RankedRecall> =>
          value.engine.rank({ requestId: 'bench', userId, inlineHistory }, Infinity, new AbortController().signal);
        masked.self = userIds[user]!;
        masked.profile = null;
        const unknown = await ask(NOBODY);
        masked.profile = fields.slice(user * width, (user + 1) * width);
        const lists: Record<string, Uint32Array> = {
          'unknown user': merged(unknown),
          ...Object.fromEntries(
            unknown.lists.map((list) => [`its ${list.channel} alone`, rowsOf(unknown, list.candidates.rows)]),
          ),
          'unknown user, with profile fields': merged(await ask(NOBODY)),
          'the same user known, same history': merged(await ask(userIds[user]!)),
          [popularity.name]: bestUnmasked(popularity.counts, known.itemRows, LENGTH),
        };
        measures.add(mapOf(lists, (list) => rankingMetrics(list, relevant, CUTS)));
      }
      const figures = measures.intervals();
      return Object.entries(figures).map(([way, metrics]) => ({ way, cases: measures.cases, metrics }));
    } finally {
      await close();
    }
  } finally {
    await liveItems.close();
    await store.close();
    await dataset.close();
  }
}

/** Newest events of one user. */
interface Known {
  readonly itemRows: Uint32Array;
  readonly timesMs: Float64Array;
}

const NOBODY = '(nobody)';
const PROFILE = profileSchema.parse({
  n: { default: LENGTH },
  timeoutMs: 600_000,
  contextTimeoutMs: 600_000,
  channels: Object.fromEntries(['U2I', 'U2U2I', 'U2I2I'].map((name) => [name, { timeoutMs: 600_000 }])),
});

/** Who is masked just now. */
interface Masked {
  /** Fields that are told of the user that nobody is. */
  profile: Int32Array | null;
  /** Whom it is in truth: no user like itself. */
  self: string;
}

/** The store as it is for somebody whom it does not know, although it does. */
function maskedStore(store: Store, masked: Readonly<Masked>): Store {
  const userContext: Store['userContext'] = async (request, options): Promise<UserContext> => {
    const context = await store.userContext(request, options);
    return request.userId === NOBODY ? { ...context, profile: masked.profile } : context;
  };
  const usersItems: Store['usersItems'] = async (request, options) => {
    const found = await store.usersItems({ ...request, itemsPerUser: 0 }, options);
    const userRows = found.userRows.filter((_, i) => found.userIds[i] !== masked.self);
    return store.usersItems({ ...request, userRows }, options);
  };
  const own: Partial<Store> = { userContext, usersItems };
  return new Proxy(store, {
    get: (target, name: keyof Store) => own[name] ?? (target[name] as () => unknown).bind(target),
  });
}

/** Histories as an import takes them, newest first. */
function packed(
  { userCount, offsets, itemRows, timesMs, weights }: HistoryTable,
  userIds: readonly string[],
  itemIds: readonly string[],
): PackedHistories {
  const order = Array.from({ length: userCount }, (_, user) =>
    Array.from({ length: offsets[user + 1]! - offsets[user]! }, (_event, age) => offsets[user + 1]! - 1 - age),
  ).flat();
  return {
    userIds,
    offsets,
    itemHashes: hashIds(order.map((event) => itemIds[itemRows[event]!]!)),
    timesMs: Float64Array.from(order, (event) => timesMs[event]!),
    weights: Float32Array.from(order, (event) => weights[event]!),
  };
}

function newestOf({ offsets, itemRows, timesMs }: HistoryTable, user: number, events: number): Known {
  const end = offsets[user + 1]!;
  const start = Math.max(offsets[user]!, end - events);
  return { itemRows: itemRows.slice(start, end), timesMs: timesMs.slice(start, end) };
}

/** Newest first, as requests have it. */
function toHistory({ itemRows, timesMs }: Known, itemIds: readonly string[]): PackedHistory {
  return {
    itemHashes: hashIds(Array.from(itemRows, (row) => itemIds[row]!).reverse()),
    timesMs: timesMs.toReversed(),
    weights: new Float32Array(itemRows.length).fill(1),
  };
}

/** Popularity with the half life that hits most of the last but one events at 50. */
function bestPopularity(train: HistoryTable): { readonly name: string; readonly counts: Float32Array } {
  const inner = leaveOneOut(train);
  const times = train.timesMs.reduce(
    (span, time) => [Math.min(span[0]!, time), Math.max(span[1]!, time)],
    [Infinity, -Infinity],
  );
  const spanMs = times[1]! - times[0]!;
  const countsOf = (table: HistoryTable, share: number): Float32Array =>
    share === Infinity ? itemPopularity(table) : recentPopularity(table, share * spanMs);
  const tried = HALF_LIVES.map((share) => {
    const top = new Set(bestUnmasked(countsOf(inner.train, share), new Uint32Array(0), 50));
    return { share, hits: inner.test.reduce((sum, item) => sum + Number(item !== NO_ROW && top.has(item)), 0) };
  });
  const { share } = tried.sort((a, b) => b.hits - a.hits)[0]!;
  const name = share === Infinity ? 'popularity' : `popularity, half life ${share} of the time span`;
  return { name, counts: countsOf(train, share) };
}

const mapOf = <T, U>(record: Readonly<Record<string, T>>, to: (value: T) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, to(value)]));
