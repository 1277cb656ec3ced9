import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MicError, parseReleaseId, type Interaction, type ReleaseId, type ScoredLists } from '@mic/domain';
import type {
  AppendResult,
  CallOptions,
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
  decodeHistory,
  decodeList,
  decodePointer,
  decodeSealed,
  decodeUser,
  encodeHistory,
  encodeList,
  encodeUser,
  isCurrent,
  leaseLost,
  noUserInRow,
  otherContent,
  packLists,
  packSimilarUsers,
  placeEvents,
  releaseNotThere,
  sealedAlready,
  summaryOf,
  type SealedRelease,
} from '@mic/store-records';
import { keys } from './keys';
import { openEnvironment, type Environment } from './open-environment';
import { toStoreError } from './store-error';

export interface LmdbStoreOptions {
  /** Folder of the store; made where it is missing. */
  readonly path: string;
  /** Events kept per user: the newest ones. 1,000 by default. */
  readonly historyCap?: number;
  /**
   * Open an existing store beside its writer; every write is refused. For another process than the writer's: lmdb-js
   * shares one handle of a folder within a process.
   */
  readonly readOnly?: boolean;
}

/** Records removed in one transaction: removing a release leaves the event loop and other writers their turns. */
const REMOVE_AT_ONCE = 1_000;
/** An entry's key without a user id, and its share of a page's header. */
const BYTES_OF_KEY = 48;
const PAGE_FILL = 0.65;

/**
 * The store in one LMDB environment: for the processes of one machine, nothing to install. Reads are memory-mapped and
 * synchronous inside; a write is durable when its promise resolves.
 */
export class LmdbStore implements Store {
  readonly #path: string;
  readonly #db: Environment;
  readonly #historyCap: number;
  readonly #readOnly: boolean;
  #lastSeal: { readonly record: Buffer; readonly sealed: SealedRelease | null } | null = null;

  private constructor(path: string, db: Environment, historyCap: number, readOnly: boolean) {
    this.#path = path;
    this.#db = db;
    this.#historyCap = historyCap;
    this.#readOnly = readOnly;
  }

  /**
   * @throws MicError FAILED_PRECONDITION when the folder is no store, or one of another version; DATA_LOSS when it is
   * damaged.
   */
  static async open({ path, historyCap = 1_000, readOnly = false }: LmdbStoreOptions): Promise<LmdbStore> {
    return new LmdbStore(path, await openEnvironment(path, readOnly), historyCap, readOnly);
  }

  async close(): Promise<void> {
    await this.#db.close();
  }

  // --- history

  async appendEvents(events: readonly Interaction[]): Promise<AppendResult> {
    const byUser = new Map<string, Interaction[]>();
    for (const event of events) {
      const own = byUser.get(event.userId);
      if (own) own.push(event);
      else byUser.set(event.userId, [event]);
    }
    const total = { accepted: 0, duplicates: 0, tooOld: 0 };
    if (byUser.size === 0) return total;
    const users = Array.from(byUser, ([userId, added]) => ({ key: keys.history(userId), added }));
    await this.#write(() => {
      const changed: [key: string[], history: Buffer][] = [];
      for (const { key, added } of users) {
        const { history, result } = placeEvents(decodeHistory(this.#db.get(key)), added, this.#historyCap);
        if (result.accepted > 0) changed.push([key, encodeHistory(history)]);
        total.accepted += result.accepted;
        total.duplicates += result.duplicates;
        total.tooOld += result.tooOld;
      }
      for (const [key, history] of changed) void this.#db.put(key, history);
    });
    return total;
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
        history: decodeHistory(this.#db.get(keys.history(userId)), historyLimit),
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
      const histories = userIds.map((id) => decodeHistory(this.#db.get(keys.history(id)), itemsPerUser));
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

  async lease(holder: string, ttlMs: number, { force = false } = {}): Promise<PublishLease> {
    return this.#write(() => {
      const held = this.#lease();
      if (held && held.holder !== holder && !force) return { holder: held.holder, leftMs: held.untilMs - Date.now() };
      this.#putJson(keys.lease, { holder, untilMs: Date.now() + ttlMs });
      return { holder, leftMs: ttlMs };
    });
  }

  async endLease(holder: string): Promise<void> {
    await this.#write(() => {
      if (this.#lease()?.holder === holder) void this.#db.remove(keys.lease);
    });
  }

  async begin(releaseId: ReleaseId): Promise<boolean> {
    return this.#write(() => {
      if (this.#sealedRelease(releaseId) || this.#db.doesExist(keys.begun(releaseId))) return false;
      void this.#db.put(keys.begun(releaseId), Buffer.alloc(0));
      return true;
    });
  }

  async unfinished(): Promise<readonly ReleaseId[]> {
    return guarded(() => [...this.#db.getKeys(keys.allBegun)].map((key) => parseReleaseId(String(key[2]))));
  }

  async hasUsers(releaseId: ReleaseId, users: readonly Pick<PublishedUser, 'row' | 'userId'>[]): Promise<boolean> {
    return guarded(() =>
      users.every(
        ({ row, userId }) =>
          this.#db.doesExist(keys.user(releaseId, userId)) && this.#db.doesExist(keys.userName(releaseId, row)),
      ),
    );
  }

  async hasSimilarItems(releaseId: ReleaseId, firstRow: number, count: number): Promise<boolean> {
    const rows = Array.from({ length: count }, (_, i) => firstRow + i);
    return guarded(() => rows.every((row) => this.#db.doesExist(keys.similarItems(releaseId, row))));
  }

  async writeUsers(releaseId: ReleaseId, users: readonly PublishedUser[]): Promise<void> {
    const records = users.map((user) => ({ user, key: keys.user(releaseId, user.userId) }));
    await this.#write(() => {
      for (const { user, key } of records) {
        void this.#db.put(key, encodeUser(user));
        void this.#db.put(keys.userName(releaseId, user.row), Buffer.from(user.userId));
      }
    });
  }

  async writeSimilarItems(releaseId: ReleaseId, firstRow: number, lists: ScoredLists): Promise<void> {
    const { offsets, rows, scores } = lists;
    await this.#write(() => {
      for (let i = 0; i + 1 < offsets.length; i++) {
        const [from, to] = [offsets[i]!, offsets[i + 1]!];
        const list = { rows: rows.subarray(from, to), scores: scores.subarray(from, to) };
        void this.#db.put(keys.similarItems(releaseId, firstRow + i), encodeList(list));
      }
    });
  }

  async seal(summary: ReleaseSummary): Promise<void> {
    const { releaseId, manifestSha256 } = summary;
    await this.#write(() => {
      const sealed = this.#sealedRelease(releaseId);
      if (sealed && sealed.manifestSha256 !== manifestSha256) throw sealedAlready(releaseId);
      if (sealed) return;
      const last = this.#sealed().at(-1)?.sealedAtMs ?? 0;
      const record: SealedRelease = { ...summary, sealedAtMs: Math.max(Date.now(), last + 1) };
      this.#putJson(keys.sealedRelease(releaseId), record);
      void this.#db.remove(keys.begun(releaseId));
    });
  }

  async movePointer(releaseId: ReleaseId, holder: string): Promise<ReleasePointer> {
    return this.#write(() => {
      if (this.#lease()?.holder !== holder) throw leaseLost(releaseId);
      const sealed = this.#sealedRelease(releaseId);
      if (!sealed) throw this.#notThere(releaseId);
      const before = this.#pointer();
      if (before?.releaseId === releaseId) return before;
      const pointer = { releaseId, manifestSha256: sealed.manifestSha256, movedAtMs: Date.now() };
      this.#putJson(keys.pointer, pointer);
      return pointer;
    });
  }

  async pointer(): Promise<ReleasePointer | null> {
    return guarded(() => this.#pointer());
  }

  async releases(): Promise<readonly ReleaseSummary[]> {
    return guarded(() => this.#sealed().map(summaryOf));
  }

  /** The seal goes first, then the records in portions; called again after an interruption, it removes the rest. */
  async removeRelease(releaseId: ReleaseId): Promise<void> {
    await this.#write(() => {
      if (this.#pointer()?.releaseId === releaseId) throw isCurrent(releaseId);
      void this.#db.remove(keys.sealedRelease(releaseId));
      void this.#db.put(keys.begun(releaseId), Buffer.alloc(0));
    });
    for (;;) {
      const range = { ...keys.releaseRecords(releaseId), limit: REMOVE_AT_ONCE };
      const some = guarded(() => [...this.#db.getKeys(range)]);
      if (some.length === 0) break;
      await this.#write(() => {
        for (const key of some) void this.#db.remove(key);
      });
    }
    await this.#write(() => void this.#db.remove(keys.begun(releaseId)));
  }

  /** An estimate: pages are about two thirds full. */
  predictBytes(shape: ReleaseShape): number {
    const { users, userIdBytes, items, idDimension, profileWidth, similarUsers, similarItems } = shape;
    const keyBytes = 2 * userIdBytes + (2 * users + items) * BYTES_OF_KEY;
    const values = users * (20 + 4 * (idDimension + profileWidth)) + 8 * (similarUsers + items + similarItems);
    return Math.round((keyBytes + values) / PAGE_FILL);
  }

  /** Bytes of the data file: it does not shrink, and what a removed release leaves is used by the next one. */
  async memory(): Promise<StoreMemory> {
    const { size } = await stat(join(this.#path, 'data.mdb'));
    return { usedBytes: size, maxBytes: null, forgets: null };
  }

  // --- inside

  /** Runs a read of a sealed release over one snapshot of the store. */
  async #read<T>(wanted: WantedRelease, { signal }: CallOptions, read: (wanted: WantedRelease) => T): Promise<T> {
    if (signal.aborted) throw new MicError('CANCELLED', 'the read was cancelled');
    return guarded(() => {
      const sealed = this.#sealedRelease(wanted.releaseId);
      if (!sealed) throw this.#notThere(wanted.releaseId);
      if ((wanted.manifestSha256 ?? sealed.manifestSha256) !== sealed.manifestSha256) {
        throw otherContent(wanted.releaseId);
      }
      return read(wanted);
    });
  }

  /** Runs writes as one transaction; the promise resolves when they are on the disk. */
  async #write<T>(write: () => T): Promise<T> {
    if (this.#readOnly) {
      throw new MicError('FAILED_PRECONDITION', 'the store was opened for reading only', {
        remedy: 'send writes to the process that writes the store',
      });
    }
    // lmdb commits what came before an error in a callback: callbacks throw before their first write, or not at all.
    // The error goes out by value, so that the commit of other callers' writes in the same batch is not affected.
    try {
      const result = await this.#db.transaction(() => {
        try {
          return { value: write() };
        } catch (error) {
          return { error: toStoreError(error) };
        }
      });
      if ('error' in result) throw result.error;
      await this.#db.flushed;
      return result.value;
    } catch (error) {
      throw toStoreError(error);
    }
  }

  #userName(releaseId: ReleaseId, row: number): string {
    const name = this.#db.get(keys.userName(releaseId, row));
    if (name) return name.toString();
    throw noUserInRow(releaseId, row);
  }

  /** Null when nobody holds it, or whoever did let it run out. */
  #lease(): { readonly holder: string; readonly untilMs: number } | null {
    const record = this.#db.get(keys.lease);
    const lease = record ? (JSON.parse(record.toString()) as { holder: string; untilMs: number }) : null;
    return lease && lease.untilMs > Date.now() ? lease : null;
  }

  #pointer(): ReleasePointer | null {
    return decodePointer(this.#db.get(keys.pointer)?.toString());
  }

  #sealedRelease(releaseId: ReleaseId): SealedRelease | null {
    const record = this.#db.get(keys.sealedRelease(releaseId));
    if (!record) return null;
    // Every read asks for the seal, so it is decoded once.
    const last = this.#lastSeal;
    if (last?.record.equals(record)) return last.sealed;
    const sealed = decodeSealed(record.toString());
    this.#lastSeal = { record: Buffer.from(record), sealed };
    return sealed;
  }

  #sealed(): SealedRelease[] {
    return [...this.#db.getRange(keys.sealedReleases)]
      .flatMap(({ value }) => decodeSealed(value.toString()) ?? [])
      .sort((a, b) => a.sealedAtMs - b.sealedAtMs);
  }

  #notThere(releaseId: ReleaseId): MicError {
    return releaseNotThere(
      releaseId,
      this.#sealed().map((sealed) => sealed.releaseId),
    );
  }

  #putJson(key: (string | number)[], value: unknown): void {
    void this.#db.put(key, Buffer.from(JSON.stringify(value)));
  }
}

/** Runs a read, and gives LMDB's errors our codes. */
function guarded<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw toStoreError(error);
  }
}

const NO_SIMILAR_USERS = { similarRows: new Uint32Array(0), similarities: new Float32Array(0) };
