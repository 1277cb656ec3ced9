import { open, type RootDatabase } from 'lmdb';
import { MicError, toMicError, type Interaction, type ReleaseId, type ScoredLists } from '@mic/domain';
import type {
  AppendResult,
  CallOptions,
  PublishedUser,
  ReleasePointer,
  SimilarUsersItems,
  Store,
  UserContext,
} from '@mic/recall';
import { decodeHistory, decodeList, decodeUser, encodeHistory, encodeList, encodeUser } from './codec';
import { keys } from './keys';
import { packLists, packSimilarUsers } from './pack-answers';
import { placeEvents } from './place-events';

export interface LmdbStoreOptions {
  /** Folder of the store; made where it is missing. */
  readonly path: string;
  /** Events kept per user: the newest ones. 200 by default. */
  readonly historyCap?: number;
}

interface SealedRelease {
  readonly releaseId: ReleaseId;
  readonly manifestSha256: string;
  readonly sealedAtMs: number;
}

const FORMAT = 1;
/** Records removed in one transaction: removing a release leaves the event loop and other writers their turns. */
const REMOVE_AT_ONCE = 1_000;

/**
 * The store in one LMDB environment: for the processes of one machine, nothing to install. Reads are memory-mapped and
 * synchronous inside; a write is durable when its promise resolves.
 */
export class LmdbStore implements Store {
  readonly #db: RootDatabase<Buffer, (string | number)[]>;
  readonly #historyCap: number;

  private constructor(db: RootDatabase<Buffer, (string | number)[]>, historyCap: number) {
    this.#db = db;
    this.#historyCap = historyCap;
  }

  /** @throws MicError FAILED_PRECONDITION when the folder is no store, or one of another version. */
  static async open({ path, historyCap = 200 }: LmdbStoreOptions): Promise<LmdbStore> {
    let db: RootDatabase<Buffer, (string | number)[]>;
    try {
      db = open({ path, encoding: 'binary', keyEncoding: 'ordered-binary', noSubdir: false });
    } catch (error) {
      throw new MicError('FAILED_PRECONDITION', `${path} cannot be opened as a store: ${(error as Error).message}`, {
        subject: path,
        remedy: 'give the folder of a store, or an empty folder for a new one',
        cause: error,
      });
    }
    const store = new LmdbStore(db, historyCap);
    await store.#checkFormat(path);
    return store;
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
    await this.#write(() => {
      for (const [userId, added] of byUser) {
        const key = keys.history(userId);
        const { history, result } = placeEvents(decodeHistory(this.#db.get(key)), added, this.#historyCap);
        if (result.accepted > 0) void this.#db.put(key, encodeHistory(history));
        total.accepted += result.accepted;
        total.duplicates += result.duplicates;
        total.tooOld += result.tooOld;
      }
    });
    return total;
  }

  // --- reads of the recall path

  async userContext(
    { releaseId, userId, historyLimit }: { releaseId: ReleaseId; userId: string; historyLimit: number },
    options: CallOptions,
  ): Promise<UserContext> {
    return this.#read(releaseId, options, () => {
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
    request: { releaseId: ReleaseId; userId: string; users: number; itemsPerUser: number },
    options: CallOptions,
  ): Promise<SimilarUsersItems> {
    const { releaseId, userId, users, itemsPerUser } = request;
    return this.#read(releaseId, options, () => {
      const record = this.#db.get(keys.user(releaseId, userId));
      const { similarRows, similarities } = record ? decodeUser(record) : NO_SIMILAR_USERS;
      const userIds = Array.from(similarRows.subarray(0, users), (row) => this.#userName(releaseId, row));
      const histories = userIds.map((id) => decodeHistory(this.#db.get(keys.history(id)), itemsPerUser));
      return packSimilarUsers(userIds, similarities.slice(0, users), histories);
    });
  }

  async similarItems(
    { releaseId, itemRows, limit }: { releaseId: ReleaseId; itemRows: Uint32Array; limit: number },
    options: CallOptions,
  ): Promise<ScoredLists> {
    return this.#read(releaseId, options, () => {
      const lists = Array.from(itemRows, (row) => {
        const record = this.#db.get(keys.similarItems(releaseId, row));
        return record ? decodeList(record) : { rows: new Uint32Array(0), scores: new Float32Array(0) };
      });
      return packLists(lists, limit);
    });
  }

  // --- publishing

  async writeUsers(releaseId: ReleaseId, users: readonly PublishedUser[]): Promise<void> {
    await this.#write(() => {
      for (const user of users) {
        void this.#db.put(keys.user(releaseId, user.userId), encodeUser(user));
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

  async seal(releaseId: ReleaseId, manifestSha256: string): Promise<void> {
    await this.#write(() => {
      const sealed = this.#json<SealedRelease>(keys.sealedRelease(releaseId));
      if (sealed && sealed.manifestSha256 !== manifestSha256) {
        throw new MicError('ALREADY_EXISTS', `the store has another release under the id ${releaseId}`, {
          subject: releaseId,
          remedy: 'build the release again, so that it gets an id of its own',
        });
      }
      if (!sealed) this.#putJson(keys.sealedRelease(releaseId), { releaseId, manifestSha256, sealedAtMs: Date.now() });
    });
  }

  async movePointer(releaseId: ReleaseId): Promise<ReleasePointer> {
    return this.#write(() => {
      const sealed = this.#json<SealedRelease>(keys.sealedRelease(releaseId));
      if (!sealed) throw this.#notThere(releaseId);
      const before = this.#json<ReleasePointer>(keys.pointer);
      if (before?.releaseId === releaseId) return before;
      const pointer = { releaseId, manifestSha256: sealed.manifestSha256, movedAtMs: Date.now() };
      this.#putJson(keys.pointer, pointer);
      return pointer;
    });
  }

  async pointer(): Promise<ReleasePointer | null> {
    return this.#json<ReleasePointer>(keys.pointer);
  }

  async releases(): Promise<readonly ReleaseId[]> {
    return this.#sealed().map(({ releaseId }) => releaseId);
  }

  async removeRelease(releaseId: ReleaseId): Promise<void> {
    await this.#write(() => {
      if (this.#json<ReleasePointer>(keys.pointer)?.releaseId === releaseId) {
        throw new MicError('FAILED_PRECONDITION', `release ${releaseId} is the current one`, {
          subject: releaseId,
          remedy: 'publish another release first',
        });
      }
      void this.#db.remove(keys.sealedRelease(releaseId));
    });
    for (;;) {
      const some = [...this.#db.getKeys({ ...keys.releaseRecords(releaseId), limit: REMOVE_AT_ONCE })];
      if (some.length === 0) return;
      await this.#write(() => {
        for (const key of some) void this.#db.remove(key);
      });
    }
  }

  // --- inside

  /** Runs a read of a sealed release over one snapshot of the store. */
  async #read<T>(releaseId: ReleaseId, { signal }: CallOptions, read: () => T): Promise<T> {
    if (signal.aborted) throw new MicError('CANCELLED', 'the read was cancelled');
    if (!this.#db.doesExist(keys.sealedRelease(releaseId))) throw this.#notThere(releaseId);
    return read();
  }

  /** Runs writes as one transaction; the promise resolves when they are on the disk. */
  async #write<T>(write: () => T): Promise<T> {
    // An error thrown inside a transaction callback is handed out by value: lmdb would commit what came before it.
    const result = await this.#db.transaction(() => {
      try {
        return { value: write() };
      } catch (error) {
        return { error: toMicError(error) };
      }
    });
    if ('error' in result) throw result.error;
    await this.#db.flushed;
    return result.value;
  }

  #userName(releaseId: ReleaseId, row: number): string {
    const name = this.#db.get(keys.userName(releaseId, row));
    if (name) return name.toString();
    throw new MicError('DATA_LOSS', `release ${releaseId} has no user in row ${row}`, {
      remedy: 'publish the release again',
    });
  }

  #sealed(): SealedRelease[] {
    const records = [...this.#db.getRange(keys.sealedReleases)];
    return records
      .map(({ value }) => JSON.parse(value.toString()) as SealedRelease)
      .sort((a, b) => a.sealedAtMs - b.sealedAtMs || (a.releaseId < b.releaseId ? -1 : 1));
  }

  #notThere(releaseId: ReleaseId): MicError {
    const there = this.#sealed().map((sealed) => sealed.releaseId);
    return new MicError('FAILED_PRECONDITION', `release ${releaseId} is not in the store`, {
      subject: releaseId,
      remedy: there.length > 0 ? `the store has ${there.join(', ')}` : 'publish it first: the store has no release',
    });
  }

  #json<T>(key: (string | number)[]): T | null {
    const record = this.#db.get(key);
    return record ? (JSON.parse(record.toString()) as T) : null;
  }

  #putJson(key: (string | number)[], value: unknown): void {
    void this.#db.put(key, Buffer.from(JSON.stringify(value)));
  }

  async #checkFormat(path: string): Promise<void> {
    const format = this.#json<number>(keys.format);
    if (format === FORMAT) return;
    if (format === null) {
      await this.#write(() => {
        this.#putJson(keys.format, FORMAT);
      });
      return;
    }
    await this.close();
    throw new MicError(
      'FAILED_PRECONDITION',
      `the store in ${path} has format ${format}, this program reads ${FORMAT}`,
      {
        subject: path,
        remedy: 'use the version of the program that wrote it, or a new folder',
      },
    );
  }
}

const NO_SIMILAR_USERS = { similarRows: new Uint32Array(0), similarities: new Float32Array(0) };
