import { join } from 'node:path';
import { openLocalEngine } from '@mic/local-recall';
import { Random } from '@mic/domain';
import { LiveItemsFollower } from '@mic/live-items';
import { openStore } from '@mic/open-store';
import {
  DEFAULT_PROFILES,
  type Items,
  type NeighborReader,
  type RankedRecall,
  type RecallEngine,
  type RecallRequest,
} from '@mic/recall';
import { createLogger } from '@mic/rpc';
import { quantile } from './load';

export interface FiltersOptions {
  readonly home: string;
  readonly userIds: readonly string[];
  /** Items wanted. */
  readonly n: number;
  readonly seed: number;
}

/** One filter over all users. */
export interface FilterRow {
  readonly filter: string;
  /** Share of the items that it accepts. */
  readonly share: number;
  /** Answers as long as they can be: n items, or all that are eligible. */
  readonly fullLength: number;
  /** Share of the exact best n that U2I found: mean and least. */
  readonly recall: number;
  readonly leastRecall: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMs: number;
}

const SHARES = [0.5, 0.05, 0.01, 0.001];
/** As RecallRequest allows. */
const MOST_NAMED = 10_000;
/** As the default profile reads. */
const HISTORY_LIMIT = 1_000;

/**
 * Filters by category and by item that accept less and less, over a published release with all its real parts in this process:
 * answers beside the exact ones by brute force.
 */
export async function benchFilters(options: FiltersOptions, onRow: (row: FilterRow) => void): Promise<void> {
  const { home: folder, n, seed } = options;
  const store = await openStore({ store: join(folder, 'store'), readOnly: true });
  const logger = createLogger({ level: 'warn', service: 'bench' });
  const liveItems = new LiveItemsFollower({ records: () => Promise.resolve(store), logger });
  const pointer = await store.pointer();
  if (pointer === null) throw new Error(`nothing is published in ${folder}`);
  const patient = { ...DEFAULT_PROFILES.profiles['default']!, timeoutMs: 600_000, contextTimeoutMs: 600_000 };
  const profiles = { default: 'default', profiles: { default: patient } };
  const surroundings = {
    releases: join(folder, 'releases'),
    store,
    profiles: () => profiles,
    liveItems,
    decisions: null,
  };
  const opened = await openLocalEngine(surroundings, pointer, false);
  try {
    const { engine } = opened.value;
    const random = new Random(seed);
    const { items } = await ask(engine, { userId: options.userIds[0]!, n });
    onRow(await measure(engine, store, options, 'none', {}));
    for (const share of SHARES) {
      const categories = categoriesOf(items, share, random);
      if (categories) onRow(await measure(engine, store, options, `${categories.length} categories`, { categories }));
      const wanted = Math.round(share * items.count);
      if (wanted > MOST_NAMED) continue;
      const rows = Uint32Array.from({ length: items.count }, (_, row) => row);
      random.shuffle(rows);
      const onlyItemIds = Array.from(rows.subarray(0, wanted), (row) => items.itemId(row));
      onRow(await measure(engine, store, options, `${wanted} items`, { onlyItemIds }));
    }
  } finally {
    await opened.close();
    await liveItems.close();
    await store.close();
  }
}

const ask = (engine: RecallEngine, request: Omit<RecallRequest, 'requestId'>): Promise<RankedRecall> =>
  engine.rank({ requestId: 'bench', ...request }, Infinity, new AbortController().signal);

async function measure(
  engine: RecallEngine,
  store: NeighborReader,
  { userIds, n }: FiltersOptions,
  filter: string,
  request: Partial<RecallRequest>,
): Promise<FilterRow> {
  const recalls: number[] = [];
  const timesMs: number[] = [];
  let full = 0;
  let share = 0;
  let cpuUs = 0;
  for (const userId of userIds) {
    const before = process.cpuUsage();
    const started = performance.now();
    const ranked = await ask(engine, { userId, n, ...request });
    timesMs.push(performance.now() - started);
    const { user, system } = process.cpuUsage(before);
    cpuUs += user + system;
    const passing = passingRows(ranked.items, request);
    share = passing.length / ranked.items.count;
    const seen = await seenRows(store, userId, ranked.items);
    const eligible = passing.filter((row) => !seen.has(row));
    full += Number(ranked.order.length === Math.min(n, eligible.length));
    const exact = exactBest(ranked, eligible, n);
    const found = new Set(ranked.lists.find(({ channel }) => channel === 'U2I')!.candidates.rows);
    recalls.push(exact.length === 0 ? 1 : exact.filter((row) => found.has(row)).length / exact.length);
  }
  timesMs.sort((a, b) => a - b);
  const [p50Ms, p99Ms] = [quantile(timesMs, 0.5), quantile(timesMs, 0.99)];
  const recall = recalls.reduce((a, b) => a + b, 0) / recalls.length;
  const [size, leastRecall] = [userIds.length, Math.min(...recalls)];
  return { filter, share, fullLength: full / size, recall, leastRecall, p50Ms, p99Ms, cpuMs: cpuUs / size / 1000 };
}

function passingRows(items: Items, { categories, onlyItemIds }: Partial<RecallRequest>): number[] {
  const named = onlyItemIds && new Set(onlyItemIds);
  const wanted = categories && items.categoriesNamed(categories);
  return Array.from({ length: items.count }, (_, row) => row).filter(
    (row) => (!wanted || wanted.has(items.categoryOf(row))) && (!named || named.has(items.itemId(row))),
  );
}

/** Rows that the user has seen. */
async function seenRows(store: NeighborReader, userId: string, items: Items): Promise<ReadonlySet<number>> {
  const wanted = { releaseId: items.releaseId, userId, historyLimit: HISTORY_LIMIT };
  const { history } = await store.userContext(wanted, { signal: new AbortController().signal, requestId: 'bench' });
  return new Set(items.rowsOf(history.itemHashes));
}

function exactBest({ items, userVectors }: RankedRecall, rows: readonly number[], n: number): number[] {
  const { count, vectors } = userVectors!;
  const scored = rows.map((row) => {
    let best = -Infinity;
    for (let v = 0; v < count; v++) best = Math.max(best, items.similarity(vectors, v, row));
    return { row, best };
  });
  return scored
    .sort((a, b) => b.best - a.best || a.row - b.row)
    .slice(0, n)
    .map(({ row }) => row);
}

/** Some categories that hold about that share of the items; null where none do within a third. */
function categoriesOf(items: Items, share: number, random: Random): string[] | null {
  const names = [
    ...new Set(Array.from({ length: items.releaseCount }, (_, row) => items.categoryName(items.categoryOf(row)))),
  ];
  const order = Uint32Array.from(names.keys());
  random.shuffle(order);
  const chosen: string[] = [];
  let size = 0;
  for (const i of order) {
    const own = items.sizeOfCategories(items.categoriesNamed([names[i]!]));
    if (names[i] === '' || size + own > share * items.count * 1.1) continue;
    chosen.push(names[i]!);
    size += own;
  }
  return size > (share * items.count * 2) / 3 ? chosen : null;
}
