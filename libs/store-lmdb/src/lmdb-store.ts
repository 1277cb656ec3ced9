import { MicError, type Interaction, type ReleaseId, type ScoredLists } from '@mic/domain';
import type {
  AppendResult,
  CallOptions,
  ExpiryReport,
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
  WantedRelease,
} from '@mic/recall';
import {
  decodeList,
  decodeUser,
  HistoryRetention,
  noUserInRow,
  otherContent,
  packLists,
  packSimilarUsers,
  type HistoryRetentionOptions,
} from '@mic/store-records';
import { guarded, LmdbAccess } from './access';
import { keys } from './keys';
import { LmdbHistories } from './lmdb-histories';
import { LmdbReleases } from './lmdb-releases';
import { openEnvironment, type Environment } from './open-environment';
import { Sweep } from './sweep';

export interface LmdbStoreOptions extends HistoryRetentionOptions {
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

  readonly #sweep: Sweep | null;

  private constructor(path: string, access: LmdbAccess, retention: HistoryRetention, sweepEveryMs: number | null) {
    this.#db = access.db;
    this.#releases = new LmdbReleases(access, path);
    this.#histories = new LmdbHistories(access, retention);
    this.#sweep = sweepEveryMs === null ? null : new Sweep((signal) => this.expireHistories({ signal }), sweepEveryMs);
  }

  /**
   * @throws MicError FAILED_PRECONDITION when the folder is no store, or one of another version; DATA_LOSS when it is
   * damaged.
   */
  static async open(options: LmdbStoreOptions): Promise<LmdbStore> {
    const { path, readOnly = false, sweepEveryMs = SWEEP_EVERY_MS } = options;
    const retention = new HistoryRetention(options);
    const access = new LmdbAccess(await openEnvironment(path, readOnly), readOnly);
    return new LmdbStore(path, access, retention, retention.hasTtl && !readOnly ? sweepEveryMs : null);
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
      const userIds = Array.from(similarRows.subarray(0, users), (row) => this.#userName(releaseId, row));
      const histories = userIds.map((id) => this.#histories.read(id, itemsPerUser));
      return packSimilarUsers(userIds, similarities.slice(0, users), histories);
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

  seal(summary: ReleaseSummary): Promise<void> {
    return this.#releases.seal(summary);
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

  #userName(releaseId: ReleaseId, row: number): string {
    const name = this.#db.get(keys.userName(releaseId, row));
    if (name) return name.toString();
    throw noUserInRow(releaseId, row);
  }
}

const NO_SIMILAR_USERS = { similarRows: new Uint32Array(0), similarities: new Float32Array(0) };
