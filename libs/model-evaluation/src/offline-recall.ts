import { parseReleaseId, type Channel } from '@mic/domain';
import type { GrowingHistories, Mask } from '@mic/evaluation';
import { WorkerItemIndex } from '@mic/hnsw-index';
import {
  profileSchema,
  rankLists,
  RecallEngine,
  type ChannelList,
  type ItemCatalog,
  type RankedRecall,
  type RecallProfile,
} from '@mic/recall';
import type { EncodedWorld } from './encoded-world';
import { offlineCatalog, offlinePorts, type EmbedUser, type ItemFacts } from './offline-ports';

/** Names of the channels' lists in reports and manifests. */
export const LIST_OF: Readonly<Record<Channel, string>> = {
  U2I: 'u2i',
  U2U2I: 'u2u2i',
  U2I2I: 'u2i2i',
  POPULAR: 'popular',
};

/** Events of a history that are read where all count. */
const LONGEST_HISTORY = 10_000;

/** The serving defaults with room for lists of that length, that much history, and no time limit. */
export function offlineProfile(length: number, historyLimit = LONGEST_HISTORY, rerank = {}): RecallProfile {
  const channel = { timeoutMs: 600_000, quota: Math.max(200, length) };
  return profileSchema.parse({
    n: { default: length, max: Math.max(1_000, length) },
    historyLimit,
    timeoutMs: 600_000,
    contextTimeoutMs: 600_000,
    channels: {
      U2I: { ...channel, k: Math.max(200, length) },
      U2U2I: channel,
      U2I2I: channel,
      POPULAR: { enabled: false },
    },
    rerank,
  });
}

/** The recall path over a world in memory: the channel, merge and rerank code that serves. */
export class OfflineRecall {
  readonly catalog: ItemCatalog;
  readonly profile: RecallProfile;
  readonly #index: WorkerItemIndex;
  readonly #engine: RecallEngine;
  readonly #includeSeen: boolean;

  private constructor(options: {
    index: WorkerItemIndex;
    engine: RecallEngine;
    catalog: ItemCatalog;
    profile: RecallProfile;
    includeSeen: boolean;
  }) {
    this.#index = options.index;
    this.#engine = options.engine;
    this.catalog = options.catalog;
    this.profile = options.profile;
    this.#includeSeen = options.includeSeen;
  }

  static async open(options: {
    readonly world: EncodedWorld;
    /** What is known of each user when asked; by default the world's histories. */
    readonly histories: GrowingHistories;
    readonly facts: ItemFacts;
    /** Length of the lists. */
    readonly length: number;
    /** Which of a user's earlier items no list may have. */
    readonly mask: Mask;
    /** Events that the user tower reads. */
    readonly window: number;
    readonly embed?: EmbedUser;
    /** Rerank settings of a profile; the defaults of serving without them. */
    readonly rerank?: object;
  }): Promise<OfflineRecall> {
    const { world, histories, facts, length, mask, window, embed, rerank } = options;
    const releaseId = parseReleaseId('offline');
    const { itemVectors: vectors, dimension } = world;
    const count = facts.itemIds.length;
    const index = await WorkerItemIndex.open({ releaseId, vectors, count, dimension, kind: 'exact', workers: 2 });
    const catalog = offlineCatalog(releaseId, world, facts);
    const profile = offlineProfile(length, mask === 'window' ? window : LONGEST_HISTORY, rerank);
    const profiles = { default: 'offline', profiles: { offline: profile } };
    const engine = new RecallEngine({
      ports: offlinePorts(world, histories, facts.itemIds, index, embed),
      catalog,
      schema: { userFields: [] },
      profiles: () => profiles,
    });
    return new OfflineRecall({ index, engine, catalog, profile, includeSeen: mask === 'none' });
  }

  /** The ranked answer for a user row. */
  rank(user: number): Promise<RankedRecall> {
    const request = { requestId: 'offline', userId: String(user), includeSeen: this.#includeSeen };
    return this.#engine.rank(request, Infinity, new AbortController().signal);
  }

  /** The merged list of an answer made from some of its channels only. */
  rerank({ lists, items, userVectors }: RankedRecall, keep: (list: ChannelList) => boolean): Uint32Array {
    const { profile } = this;
    const { merged, order } = rankLists(lists.filter(keep), items, userVectors, profile, profile.n.default);
    return order.map((i) => merged.rows[i]!);
  }

  close(): Promise<void> {
    return this.#index.close();
  }
}

/** The lists of an answer by name: each channel alone, and merged. */
export function listsOf(ranked: RankedRecall): Record<string, Uint32Array> {
  return {
    ...Object.fromEntries(ranked.lists.map(({ channel, candidates }) => [LIST_OF[channel], candidates.rows])),
    merged: ranked.order.map((i) => ranked.merged.rows[i]!),
  };
}
