import { NO_ROW, parseReleaseId, Random, type Channel, type HistoryTable } from '@mic/domain';
import {
  evaluateLists,
  HIT_RATE_CUTS,
  maskedItemsOf,
  type HeldOut,
  type Mask,
  type MaskedItems,
} from '@mic/evaluation';
import { WorkerItemIndex } from '@mic/hnsw-index';
import { profileSchema, RecallEngine } from '@mic/recall';
import type { Quality } from '@mic/release';
import type { EncodedWorld } from './encoded-world';
import { plainReferences, type References } from './references';
import { offlineCatalog, offlinePorts, type ItemFacts } from './offline-ports';

/** Names of the lists in a manifest. */
const LIST_OF: Readonly<Record<Channel, string>> = { U2I: 'u2i', U2U2I: 'u2u2i', U2I2I: 'u2i2i' };

/** Events of a history that are read where all count. */
const LONGEST_HISTORY = 10_000;

/** Lists are as long as the longest cut. */
const LENGTH = Math.max(...HIT_RATE_CUTS);

/** The serving defaults with room for lists of that length, that much history, and no time limit. */
const profileOf = (historyLimit: number) =>
  profileSchema.parse({
    n: { default: LENGTH },
    historyLimit,
    timeoutMs: 600_000,
    contextTimeoutMs: 600_000,
    channels: { U2I: { timeoutMs: 600_000 }, U2U2I: { timeoutMs: 600_000 }, U2I2I: { timeoutMs: 600_000 } },
  });

/**
 * Quality of a model on every user's held-out event, in the world that is made without those events: each channel alone
 * and the merged list, by the channel, merge and rerank code that serves; popularity and item-kNN beside them. A held-out
 * item that is masked cannot be hit.
 *
 * @param world encoded from `held.train`.
 */
export async function measureQuality(options: {
  readonly world: EncodedWorld;
  readonly held: HeldOut;
  readonly facts: ItemFacts;
  readonly mostUsers: number;
  /** Which of a user's earlier items no list may have; `all` by default. */
  readonly mask?: Mask;
  /** Events that the user tower reads. */
  readonly window: number;
  readonly seed: number;
  /** The methods that stand beside; popularity and item-kNN as they are by default. */
  readonly references?: (train: HistoryTable, k: number, masked: MaskedItems) => References | Promise<References>;
  readonly onProgress?: (done: number, total: number) => void;
}): Promise<Quality> {
  const {
    world,
    held,
    facts,
    mostUsers,
    mask = 'all',
    window,
    seed,
    references = plainReferences,
    onProgress,
  } = options;
  const users = sampleUsers(held.test, mostUsers, seed);
  const releaseId = parseReleaseId('offline');
  const { itemVectors: vectors, dimension } = world;
  const count = held.train.itemCount;
  const index = await WorkerItemIndex.open({ releaseId, vectors, count, dimension, kind: 'exact', workers: 1 });
  const engine = new RecallEngine({
    ports: offlinePorts(world, facts.itemIds, index),
    catalog: offlineCatalog(releaseId, world, facts),
    profiles: { default: 'offline', profiles: { offline: profileOf(mask === 'window' ? window : LONGEST_HISTORY) } },
  });
  const masked = maskedItemsOf(held.train, mask, window);
  const { recommenders } = await references(held.train, LENGTH, masked);
  const { signal } = new AbortController();
  const metrics = await evaluateLists(
    users,
    held.test,
    async (user) => {
      const ranked = await engine.rank(
        { requestId: 'offline', userId: String(user), includeSeen: mask === 'none' },
        Infinity,
        signal,
      );
      return {
        ...Object.fromEntries(ranked.lists.map(({ channel, candidates }) => [LIST_OF[channel], candidates.rows])),
        merged: ranked.order.map((i) => ranked.merged.rows[i]!),
        ...Object.fromEntries(Object.entries(recommenders).map(([name, recommend]) => [name, recommend(user)])),
      };
    },
    onProgress,
  ).finally(() => index.close());
  return { protocol: 'leave-one-out', users: users.length, metrics };
}

/** Users with a held-out event, all or a seeded sample of them, in row order. */
function sampleUsers(test: Uint32Array, most: number, seed: number): Uint32Array {
  const users = Uint32Array.from(test, (_, user) => user).filter((user) => test[user] !== NO_ROW);
  if (users.length <= most) return users;
  new Random(seed).shuffle(users);
  return users.slice(0, most).sort();
}
