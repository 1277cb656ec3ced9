import { MicError, parseReleaseId, type Interaction, type ReleaseId, type ScoredLists } from '@mic/domain';
import type {
  AppendResult,
  CallOptions,
  ExpiryReport,
  LiveItem,
  LiveItemChanges,
  LiveItemsMark,
  PackedHistories,
  PackedHistory,
  PublishedUser,
  PublishLease,
  ReleasePointer,
  ReleaseShape,
  ReleaseSummary,
  SimilarUsersItems,
  Store,
  StoreMemory,
  UserContext,
  UsersItems,
  WantedRelease,
} from '@mic/recall';
import {
  decodeHistory,
  decodeList,
  decodePointer,
  decodeSealed,
  decodeUser,
  encodeList,
  encodeUser,
  HistoryRetention,
  isCurrent,
  leaseLost,
  liveItemsCapOf,
  noUserInRow,
  otherContent,
  packLists,
  packUsersItems,
  releaseNotThere,
  removedMeanwhile,
  sealedAlready,
  summaryOf,
  type HistoryRetentionOptions,
  type LiveItemsOptions,
} from '@mic/store-records';
import { AppendQueues } from './append-queues';
import { RedisHistoryKeeper } from './history-keeper';
import { historyEvents, HistoryUpdater } from './history-updates';
import { Keys, type Key } from './keys';
import { bytesOfRelease } from './memory-of-release';
import { RedisLiveItems } from './redis-live-items';
import { RedisLink, type Command } from './redis-link';
import { BEGIN, CLAIM, END_LEASE, LEASE, MOVE_POINTER, RENEW_LEASE, SEAL, UNSEAL } from './scripts';
import { parseRedisUrl } from './store-url';

export interface RedisStoreOptions extends HistoryRetentionOptions, LiveItemsOptions {
  /** See parseRedisUrl. */
  readonly url: string;
  /** Longest time that one call to Redis may take, milliseconds; 10,000 by default. */
  readonly commandTimeoutMs?: number;
  /** Calls that may wait for Redis at a time; more are refused. 2,000 by default. */
  readonly maxInFlight?: number;
}

/** Records that a removal scans for, and removes, at a time. */
const REMOVE_AT_ONCE = 1_000;

/**
 * The store in Redis: single, behind Sentinel, or Cluster. A read of the recall path is one to three round trips of MGET;
 * every read of a release comes with the release's seal, so that a release that is going or not complete is refused.
 */
export class RedisStore implements Store {
  readonly #link: RedisLink;
  readonly #keys: Keys;
  readonly #retention: HistoryRetention;
  readonly #appends: AppendQueues;
  readonly #keeper: RedisHistoryKeeper;
  readonly #liveItems: RedisLiveItems;

  private constructor(link: RedisLink, keys: Keys, options: RedisStoreOptions) {
    const retention = new HistoryRetention(options);
    this.#link = link;
    this.#keys = keys;
    this.#retention = retention;
    const updater = new HistoryUpdater(link, keys, retention);
    const partOf = (userId: string): number => (link.isCluster ? keys.histories([userId])[0]!.bucket : 0);
    this.#appends = new AppendQueues(updater, partOf);
    this.#keeper = new RedisHistoryKeeper(link, keys, retention, updater);
    this.#liveItems = new RedisLiveItems(link, keys.control, liveItemsCapOf(options));
  }

  /**
   * @throws MicError INVALID_ARGUMENT when the address is none; UNAVAILABLE when nothing answers there;
   * FAILED_PRECONDITION when Redis refuses the user or is another kind of Redis than the address says.
   */
  static async open(options: RedisStoreOptions): Promise<RedisStore> {
    const { url, commandTimeoutMs = 10_000, maxInFlight = 2_000 } = options;
    const address = parseRedisUrl(url);
    const link = await RedisLink.open(address, { commandTimeoutMs, maxInFlight });
    return new RedisStore(link, new Keys(address.prefix), options);
  }

  close(): Promise<void> {
    this.#link.close();
    return Promise.resolve();
  }

  // --- history

  async appendEvents(events: readonly Interaction[], options?: CallOptions): Promise<AppendResult> {
    if (events.length === 0) return { accepted: 0, duplicates: 0, tooOld: 0 };
    return untilGone(this.#appends.append(events), options);
  }

  importHistories(histories: PackedHistories): Promise<AppendResult> {
    return this.#keeper.importHistories(histories);
  }

  expireHistories(by?: { readonly signal?: AbortSignal }): Promise<ExpiryReport> {
    return this.#keeper.expireHistories(by);
  }

  // --- live items

  liveItems(known: LiveItemsMark | null): Promise<LiveItemChanges> {
    return this.#liveItems.liveItems(known);
  }

  writeLiveItems(items: readonly LiveItem[], options?: CallOptions): Promise<number> {
    return untilGone(this.#liveItems.writeLiveItems(items), options);
  }

  forgetLiveItems(items: readonly LiveItem[]): Promise<number> {
    return this.#liveItems.forgetLiveItems(items);
  }

  // --- reads of the recall path

  userContext(
    { userId, historyLimit, ...wanted }: WantedRelease & { userId: string; historyLimit: number },
    options: CallOptions,
  ): Promise<UserContext> {
    return this.#read(options, async () => {
      const keys = [...this.#keys.users(wanted.releaseId, [userId]), ...this.#keys.histories([userId])];
      const [record, history] = await this.#getOfRelease(wanted, keys);
      const user = record ? decodeUser(record) : null;
      return {
        userKnown: user !== null,
        userRow: user?.embedding ?? null,
        profile: user?.profile ?? null,
        history: this.#decode(history!, historyLimit),
      };
    });
  }

  similarUsersItems(
    request: WantedRelease & { userId: string; users: number; itemsPerUser: number },
    options: CallOptions,
  ): Promise<SimilarUsersItems> {
    const { userId, users, itemsPerUser, ...wanted } = request;
    return this.#read(options, async () => {
      const [record] = await this.#getOfRelease(wanted, this.#keys.users(wanted.releaseId, [userId]));
      const { similarRows, similarities } = record ? decodeUser(record) : NO_SIMILAR_USERS;
      const userRows = similarRows.slice(0, users);
      const userIds = await this.#userNames(wanted, userRows);
      const found = await this.#itemsOf({ userIds, userRows }, itemsPerUser);
      return { ...found, similarities: similarities.slice(0, users) };
    });
  }

  usersItems(
    request: WantedRelease & { userRows: Uint32Array; itemsPerUser: number },
    options: CallOptions,
  ): Promise<UsersItems> {
    const { userRows, itemsPerUser, ...wanted } = request;
    return this.#read(options, async () => {
      const keys = Array.from(userRows, (row) => this.#keys.userName(wanted.releaseId, row));
      const names = await this.#getOfRelease(wanted, keys);
      const users = {
        userIds: names.flatMap((name) => name?.toString() ?? []),
        userRows: userRows.filter((_, i) => names[i] !== null),
      };
      return this.#itemsOf(users, itemsPerUser);
    });
  }

  similarItems(
    { itemRows, limit, ...wanted }: WantedRelease & { itemRows: Uint32Array; limit: number },
    options: CallOptions,
  ): Promise<ScoredLists> {
    return this.#read(options, async () => {
      const keys = Array.from(itemRows, (row) => this.#keys.similarItems(wanted.releaseId, row));
      const records = await this.#getOfRelease(wanted, keys);
      return packLists(
        records.map((record) => (record ? decodeList(record) : NO_LIST)),
        limit,
      );
    });
  }

  // --- publishing

  async lease(holder: string, ttlMs: number, { force = false } = {}): Promise<PublishLease> {
    const answer = await this.#link.script(LEASE, [this.#keys.control.lease], [holder, ttlMs, Number(force)]);
    const [held, leftMs] = answer as [string, number];
    return { holder: held, leftMs };
  }

  async renewLease(holder: string, ttlMs: number): Promise<string | null> {
    return (await this.#link.script(RENEW_LEASE, [this.#keys.control.lease], [holder, ttlMs])) as string | null;
  }

  async endLease(holder: string): Promise<void> {
    await this.#link.script(END_LEASE, [this.#keys.control.lease], [holder]);
  }

  async begin(releaseId: ReleaseId): Promise<boolean> {
    const { begun, summaries } = this.#keys.control;
    return (await this.#link.script(BEGIN, [begun, summaries], [releaseId])) === 1;
  }

  async unfinished(): Promise<readonly ReleaseId[]> {
    return (await this.#link.call((client) => client.smembers(this.#keys.control.begun))).map(parseReleaseId);
  }

  async hasUsers(releaseId: ReleaseId, users: readonly Pick<PublishedUser, 'row' | 'userId'>[]): Promise<boolean> {
    const userIds = users.map(({ userId }) => userId);
    const names = users.map(({ row }) => this.#keys.userName(releaseId, row));
    return this.#link.haveAll([...this.#keys.users(releaseId, userIds), ...names]);
  }

  hasSimilarItems(releaseId: ReleaseId, firstRow: number, count: number): Promise<boolean> {
    const keys = Array.from({ length: count }, (_, i) => this.#keys.similarItems(releaseId, firstRow + i));
    return this.#link.haveAll(keys);
  }

  async writeUsers(releaseId: ReleaseId, users: readonly PublishedUser[]): Promise<void> {
    const keys = this.#keys.users(
      releaseId,
      users.map(({ userId }) => userId),
    );
    const commands = users.flatMap((user, i): Command[] => {
      const name = this.#keys.userName(releaseId, user.row);
      return [
        { key: keys[i]!, words: ['set', keys[i]!.name, encodeUser(user)] },
        { key: name, words: ['set', name.name, user.userId] },
      ];
    });
    await this.#link.run(commands);
  }

  async writeSimilarItems(releaseId: ReleaseId, firstRow: number, lists: ScoredLists): Promise<void> {
    const { offsets, rows, scores } = lists;
    const commands = Array.from({ length: offsets.length - 1 }, (_, i): Command => {
      const key = this.#keys.similarItems(releaseId, firstRow + i);
      const [from, to] = [offsets[i]!, offsets[i + 1]!];
      const list = encodeList({ rows: rows.subarray(from, to), scores: scores.subarray(from, to) });
      return { key, words: ['set', key.name, list] };
    });
    await this.#link.run(commands);
  }

  /** The id is claimed first, then every bucket gets its seal, and the release is listed last. */
  async seal(summary: ReleaseSummary, holder: string): Promise<void> {
    const { releaseId, manifestSha256 } = summary;
    const { claims, summaries, order, begun, lease } = this.#keys.control;
    const claimed = await this.#link.script(CLAIM, [claims, lease], [releaseId, manifestSha256, holder]);
    if (claimed === 0) throw leaseLost(releaseId);
    if (claimed === null) throw sealedAlready(releaseId);
    await this.#link.run(
      this.#keys.seals(releaseId).map((key) => ({ key, words: ['set', key.name, manifestSha256] as const })),
    );
    const args = [releaseId, manifestSha256, JSON.stringify(summary), Date.now(), holder];
    const sealed = await this.#link.script(SEAL, [claims, summaries, order, begun, lease], args);
    if (sealed === 0) throw leaseLost(releaseId);
    if (sealed === null) throw removedMeanwhile(releaseId);
  }

  async movePointer(releaseId: ReleaseId, holder: string): Promise<ReleasePointer> {
    const { summaries, claims, pointer, lease } = this.#keys.control;
    const keys = [summaries, claims, pointer, lease];
    const moved = await this.#link.script(MOVE_POINTER, keys, [releaseId, Date.now(), holder]);
    if (moved === 0) throw leaseLost(releaseId);
    if (moved === null) throw await this.#notThere(releaseId);
    return decodePointer(moved as string)!;
  }

  async pointer(): Promise<ReleasePointer | null> {
    return decodePointer(await this.#link.call((client) => client.get(this.#keys.control.pointer)));
  }

  async releases(): Promise<readonly ReleaseSummary[]> {
    const { order, summaries } = this.#keys.control;
    const sealed = (await this.#link.call((client) => client.zrange(order, '0', '-1', 'WITHSCORES'))) as string[];
    if (sealed.length === 0) return [];
    const ids = sealed.filter((_, i) => i % 2 === 0);
    const texts = await this.#link.call((client) => client.hmget(summaries, ...ids));
    return texts.flatMap((text, i) => {
      if (text === null) return [];
      const record = decodeSealed(
        JSON.stringify({ ...(JSON.parse(text) as object), sealedAtMs: Number(sealed[i * 2 + 1]) }),
      );
      return record ? [summaryOf(record)] : [];
    });
  }

  /** The control records and the seals go first, then the rest; called again after an interruption, it removes what is left. */
  async removeRelease(releaseId: ReleaseId): Promise<void> {
    const { pointer, summaries, claims, order, begun } = this.#keys.control;
    if (!(await this.#link.script(UNSEAL, [pointer, summaries, claims, order, begun], [releaseId]))) {
      throw isCurrent(releaseId);
    }
    await this.#link.run(this.#keys.seals(releaseId).map((key) => ({ key, words: ['unlink', key.name] as const })));
    for await (const { node, names } of this.#link.scan(this.#keys.recordsPattern(releaseId), REMOVE_AT_ONCE)) {
      await this.#link.unlink(node, names);
    }
    await this.#link.call((client) => client.srem(begun, releaseId));
  }

  predictBytes(shape: ReleaseShape): number {
    return bytesOfRelease(shape, this.#keys.lengths, this.#link.isCluster);
  }

  memory(): Promise<StoreMemory> {
    return this.#link.memory();
  }

  // --- inside

  #decode(stored: Buffer | null, limit: number): PackedHistory {
    return decodeHistory(historyEvents(stored), limit, this.#retention.bounds().oldestMs);
  }

  async #itemsOf(users: Pick<UsersItems, 'userIds' | 'userRows'>, itemsPerUser: number): Promise<UsersItems> {
    const histories = await this.#link.get(this.#keys.histories(users.userIds));
    const events = histories.map((history) => this.#decode(history, itemsPerUser));
    return packUsersItems(users, events);
  }

  #read<T>(options: CallOptions, read: () => Promise<T>): Promise<T> {
    if (options.signal.aborted) return Promise.reject(gone());
    return untilGone(read(), options);
  }

  /** Records of a release; each group of keys that Redis reads at once comes with the seal of their bucket. */
  async #getOfRelease(wanted: WantedRelease, keys: readonly Key[]): Promise<(Buffer | null)[]> {
    const { releaseId, manifestSha256 } = wanted;
    const buckets = this.#link.bySlot(keys.map((key) => ({ key }))).map(([first]) => first!.key.bucket);
    const seals = (buckets.length > 0 ? buckets : [0]).map((bucket) => this.#keys.seal(releaseId, bucket));
    const values = await this.#link.get([...seals, ...keys]);
    for (const seal of values.splice(0, seals.length)) {
      if (seal === null) throw await this.#notThere(releaseId);
      if (manifestSha256 !== undefined && seal.toString() !== manifestSha256) throw otherContent(releaseId);
    }
    return values;
  }

  async #userNames(wanted: WantedRelease, rows: Uint32Array): Promise<string[]> {
    if (rows.length === 0) return [];
    const keys = Array.from(rows, (row) => this.#keys.userName(wanted.releaseId, row));
    const names = await this.#getOfRelease(wanted, keys);
    return names.map((name, i) => {
      if (name === null) throw noUserInRow(wanted.releaseId, rows[i]!);
      return name.toString();
    });
  }

  async #notThere(releaseId: ReleaseId): Promise<MicError> {
    return releaseNotThere(
      releaseId,
      (await this.releases()).map((release) => release.releaseId),
    );
  }
}

const NO_SIMILAR_USERS = { similarRows: new Uint32Array(0), similarities: new Float32Array(0) };
const NO_LIST = { rows: new Uint32Array(0), scores: new Float32Array(0) };

const gone = (): MicError => new MicError('CANCELLED', 'the call is not wanted any more');

/** The answer, or CANCELLED as soon as the caller's signal fires: what Redis says afterwards is dropped. */
async function untilGone<T>(answer: Promise<T>, options: CallOptions | undefined): Promise<T> {
  if (!options) return answer;
  const { signal } = options;
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    const onAbort = (): void => {
      reject(gone());
    };
    signal.addEventListener('abort', onAbort, { once: true });
    stop = () => {
      signal.removeEventListener('abort', onAbort);
    };
  });
  try {
    return await Promise.race([answer, aborted]);
  } finally {
    stop?.();
  }
}
