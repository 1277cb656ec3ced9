import { MicError, type Interaction, type ReleaseId, type ScoredLists } from '@mic/domain';
import type {
  AppendResult,
  CallOptions,
  ExpiryReport,
  LiveItem,
  LiveItemChanges,
  LiveItemsMark,
  PackedHistories,
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
  decodeList,
  decodeUser,
  HistoryRetention,
  liveItemsCapOf,
  noUserInRow,
  otherContent,
  packLists,
  packUsersItems,
  type HistoryRetentionOptions,
  type LiveItemsOptions,
} from '@mic/store-records';
import { guarded, LmdbAccess } from './access';
import { keys } from './keys';
import { LmdbHistories } from './lmdb-histories';
import { LmdbLiveItems } from './lmdb-live-items';
import { LmdbReleases } from './lmdb-releases';
import { openEnvironment, type Environment } from './open-environment';
import { Sweep } from './sweep';

export interface LmdbStoreOptions extends HistoryRetentionOptions, LiveItemsOptions {
  /** Folder of the store; made where it is missing. */
  readonly path: string;
  /**
   * Open an existing store beside its writer; every write is refused. For another process than the writer's: lmdb-js
   * shares one handle of a folder within a process.
   */
  readonly readOnly?: boolean;
  /** Between two sweeps for events that are older than the time to live, milliseconds; 10 minutes by default. */
  readonly sweepEveryMs?: number;
}

const SWEEP_EVERY_MS = 600_000;

/**
 * The store in one LMDB environment: for the processes of one machine, nothing to install. Reads are memory-mapped and
 * synchronous inside; a write is durable when its promise resolves.
 */
export class LmdbStore implements Store {
  readonly #db: Environment;
  readonly #releases: LmdbReleases;
  readonly #histories: LmdbHistories;
  readonly #liveItems: LmdbLiveItems;
  readonly #sweep: Sweep | null;

  private constructor(access: LmdbAccess, options: LmdbStoreOptions) {
    const { path, readOnly = false, sweepEveryMs = SWEEP_EVERY_MS } = options;
    const retention = new HistoryRetention(options);
    this.#db = access.db;
    this.#releases = new LmdbReleases(access, path);
    this.#histories = new LmdbHistories(access, retention);
    this.#liveItems = new LmdbLiveItems(access, liveItemsCapOf(options));
    const isSwept = retention.hasTtl && !readOnly;
    this.#sweep = isSwept ? new Sweep((signal) => this.expireHistories({ signal }), sweepEveryMs) : null;
  }

  /**
   * @throws MicError FAILED_PRECONDITION when the folder is no store, or one of another version; DATA_LOSS when it is
   * damaged.
   */
  static async open(options: LmdbStoreOptions): Promise<LmdbStore> {
    const { path, readOnly = false } = options;
    return new LmdbStore(new LmdbAccess(await openEnvironment(path, readOnly), readOnly), options);
  }

  async close(): Promise<void> {
    await this.#sweep?.stop();
    await this.#db.close();
  }

  // --- history

  appendEvents(events: readonly Interaction[]): Promise<AppendResult> {
    return this.#histories.appendEvents(events);
  }

  importHistories(histories: PackedHistories): Promise<AppendResult> {
    return this.#histories.importHistories(histories);
  }

  expireHistories(by?: { readonly signal?: AbortSignal }): Promise<ExpiryReport> {
    return this.#histories.expireHistories(by);
  }

  // --- live items

  liveItems(known: LiveItemsMark | null): Promise<LiveItemChanges> {
    return this.#liveItems.liveItems(known);
  }

  writeLiveItems(items: readonly LiveItem[]): Promise<number> {
    return this.#liveItems.writeLiveItems(items);
  }

  forgetLiveItems(items: readonly LiveItem[]): Promise<number> {
    return this.#liveItems.forgetLiveItems(items);
  }

  // --- reads of the recall path

  async userContext(
    { userId, historyLimit, ...wanted }: WantedRelease & { userId: string; historyLimit: number },
    options: CallOptions,
  ): Promise<UserContext> {
    return this.#read(wanted, options, ({ releaseId }) => {
      const record = this.#db.get(keys.user(releaseId, userId));
      const user = record ? decodeUser(record) : null;
      return {
        userKnown: user !== null,
        userRow: user?.embedding ?? null,
        profile: user?.profile ?? null,
        history: this.#histories.read(userId, historyLimit),
      };
    });
  }

  async similarUsersItems(
    request: WantedRelease & { userId: string; users: number; itemsPerUser: number },
    options: CallOptions,
  ): Promise<SimilarUsersItems> {
    const { userId, users, itemsPerUser, ...wanted } = request;
    return this.#read(wanted, options, ({ releaseId }) => {
      const record = this.#db.get(keys.user(releaseId, userId));
      const { similarRows, similarities } = record ? decodeUser(record) : NO_SIMILAR_USERS;
      const userRows = similarRows.slice(0, users);
      const userIds = Array.from(userRows, (row) => {
        const name = this.#userName(releaseId, row);
        if (name === null) throw noUserInRow(releaseId, row);
        return name;
      });
      return { ...this.#itemsOf({ userIds, userRows }, itemsPerUser), similarities: similarities.slice(0, users) };
    });
  }

  async usersItems(
    request: WantedRelease & { userRows: Uint32Array; itemsPerUser: number },
    options: CallOptions,
  ): Promise<UsersItems> {
    const { userRows, itemsPerUser, ...wanted } = request;
    return this.#read(wanted, options, ({ releaseId }) => {
      const names = Array.from(userRows, (row) => this.#userName(releaseId, row));
      const users = {
        userIds: names.filter((name) => name !== null),
        userRows: userRows.filter((_, i) => names[i] !== null),
      };
      return this.#itemsOf(users, itemsPerUser);
    });
  }

  async similarItems(
    { itemRows, limit, ...wanted }: WantedRelease & { itemRows: Uint32Array; limit: number },
    options: CallOptions,
  ): Promise<ScoredLists> {
    return this.#read(wanted, options, ({ releaseId }) => {
      const lists = Array.from(itemRows, (row) => {
        const record = this.#db.get(keys.similarItems(releaseId, row));
        return record ? decodeList(record) : { rows: new Uint32Array(0), scores: new Float32Array(0) };
      });
      return packLists(lists, limit);
    });
  }

  // --- publishing

  lease(holder: string, ttlMs: number, by?: { readonly force?: boolean }): Promise<PublishLease> {
    return this.#releases.lease(holder, ttlMs, by);
  }

  renewLease(holder: string, ttlMs: number): Promise<string | null> {
    return this.#releases.renewLease(holder, ttlMs);
  }

  endLease(holder: string): Promise<void> {
    return this.#releases.endLease(holder);
  }

  begin(releaseId: ReleaseId): Promise<boolean> {
    return this.#releases.begin(releaseId);
  }

  unfinished(): Promise<readonly ReleaseId[]> {
    return this.#releases.unfinished();
  }

  writeUsers(releaseId: ReleaseId, users: readonly PublishedUser[]): Promise<void> {
    return this.#releases.writeUsers(releaseId, users);
  }

  hasUsers(releaseId: ReleaseId, users: readonly Pick<PublishedUser, 'row' | 'userId'>[]): Promise<boolean> {
    return this.#releases.hasUsers(releaseId, users);
  }

  writeSimilarItems(releaseId: ReleaseId, firstRow: number, lists: ScoredLists): Promise<void> {
    return this.#releases.writeSimilarItems(releaseId, firstRow, lists);
  }

  hasSimilarItems(releaseId: ReleaseId, firstRow: number, count: number): Promise<boolean> {
    return this.#releases.hasSimilarItems(releaseId, firstRow, count);
  }

  seal(summary: ReleaseSummary, holder: string): Promise<void> {
    return this.#releases.seal(summary, holder);
  }

  movePointer(releaseId: ReleaseId, holder: string): Promise<ReleasePointer> {
    return this.#releases.movePointer(releaseId, holder);
  }

  pointer(): Promise<ReleasePointer | null> {
    return this.#releases.pointer();
  }

  releases(): Promise<readonly ReleaseSummary[]> {
    return this.#releases.releases();
  }

  removeRelease(releaseId: ReleaseId): Promise<void> {
    return this.#releases.removeRelease(releaseId);
  }

  predictBytes(shape: ReleaseShape): number {
    return this.#releases.predictBytes(shape);
  }

  memory(): Promise<StoreMemory> {
    return this.#releases.memory();
  }

  // --- inside

  /** Runs a read of a sealed release over one snapshot of the store. */
  async #read<T>(wanted: WantedRelease, { signal }: CallOptions, read: (wanted: WantedRelease) => T): Promise<T> {
    if (signal.aborted) throw new MicError('CANCELLED', 'the read was cancelled');
    return guarded(() => {
      const sealed = this.#releases.sealed(wanted.releaseId);
      if (!sealed) throw this.#releases.notThere(wanted.releaseId);
      if ((wanted.manifestSha256 ?? sealed.manifestSha256) !== sealed.manifestSha256) {
        throw otherContent(wanted.releaseId);
      }
      return read(wanted);
    });
  }

  #itemsOf(users: Pick<UsersItems, 'userIds' | 'userRows'>, itemsPerUser: number): UsersItems {
    const histories = users.userIds.map((id) => this.#histories.read(id, itemsPerUser));
    return packUsersItems(users, histories);
  }

  /** Null where the release has no such row. */
  #userName(releaseId: ReleaseId, row: number): string | null {
    return this.#db.get(keys.userName(releaseId, row))?.toString() ?? null;
  }
}

const NO_SIMILAR_USERS = { similarRows: new Uint32Array(0), similarities: new Float32Array(0) };
