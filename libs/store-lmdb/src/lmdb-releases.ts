import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseReleaseId, type MicError, type ReleaseId, type ScoredLists } from '@mic/domain';
import type {
  PublishedUser,
  PublishLease,
  ReleasePointer,
  ReleasePublisher,
  ReleaseShape,
  ReleaseSummary,
  StoreMemory,
} from '@mic/recall';
import {
  decodePointer,
  decodeSealed,
  encodeList,
  encodeUser,
  isCurrent,
  leaseLost,
  releaseNotThere,
  sealedAlready,
  summaryOf,
  type SealedRelease,
} from '@mic/store-records';
import { guarded, type LmdbAccess } from './access';
import { keys } from './keys';
import type { Environment } from './open-environment';

/** Records removed in one transaction: removing a release leaves the event loop and other writers their turns. */
const REMOVE_AT_ONCE = 1_000;
/** An entry's key without a user id, and its share of a page's header. */
const BYTES_OF_KEY = 48;
const PAGE_FILL = 0.65;

/** The releases of a store in LMDB: their records, seals, the pointer, and the lease of who changes them. */
export class LmdbReleases implements ReleasePublisher {
  readonly #access: LmdbAccess;
  readonly #db: Environment;
  readonly #path: string;
  #lastSeal: { readonly record: Buffer; readonly sealed: SealedRelease | null } | null = null;

  /** @param path folder of the store. */
  constructor(access: LmdbAccess, path: string) {
    this.#access = access;
    this.#db = access.db;
    this.#path = path;
  }

  async lease(holder: string, ttlMs: number, { force = false } = {}): Promise<PublishLease> {
    return this.#access.write(() => {
      const held = this.#lease();
      if (held && held.holder !== holder && !force) return { holder: held.holder, leftMs: held.untilMs - Date.now() };
      this.#putJson(keys.lease, { holder, untilMs: Date.now() + ttlMs });
      return { holder, leftMs: ttlMs };
    });
  }

  async renewLease(holder: string, ttlMs: number): Promise<string | null> {
    return this.#access.write(() => {
      const held = this.#lease()?.holder ?? null;
      if (held === holder) this.#putJson(keys.lease, { holder, untilMs: Date.now() + ttlMs });
      return held;
    });
  }

  async endLease(holder: string): Promise<void> {
    await this.#access.write(() => {
      if (this.#lease()?.holder === holder) void this.#db.remove(keys.lease);
    });
  }

  async begin(releaseId: ReleaseId): Promise<boolean> {
    return this.#access.write(() => {
      if (this.sealed(releaseId) || this.#db.doesExist(keys.begun(releaseId))) return false;
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
    await this.#access.write(() => {
      for (const { user, key } of records) {
        void this.#db.put(key, encodeUser(user));
        void this.#db.put(keys.userName(releaseId, user.row), Buffer.from(user.userId));
      }
    });
  }

  async writeSimilarItems(releaseId: ReleaseId, firstRow: number, lists: ScoredLists): Promise<void> {
    const { offsets, rows, scores } = lists;
    await this.#access.write(() => {
      for (let i = 0; i + 1 < offsets.length; i++) {
        const [from, to] = [offsets[i]!, offsets[i + 1]!];
        const list = { rows: rows.subarray(from, to), scores: scores.subarray(from, to) };
        void this.#db.put(keys.similarItems(releaseId, firstRow + i), encodeList(list));
      }
    });
  }

  async seal(summary: ReleaseSummary, holder: string): Promise<void> {
    const { releaseId, manifestSha256 } = summary;
    await this.#access.write(() => {
      if (this.#lease()?.holder !== holder) throw leaseLost(releaseId);
      const sealed = this.sealed(releaseId);
      if (sealed && sealed.manifestSha256 !== manifestSha256) throw sealedAlready(releaseId);
      if (sealed) return;
      const last = this.#allSealed().at(-1)?.sealedAtMs ?? 0;
      const record: SealedRelease = { ...summary, sealedAtMs: Math.max(Date.now(), last + 1) };
      this.#putJson(keys.sealedRelease(releaseId), record);
      void this.#db.remove(keys.begun(releaseId));
    });
  }

  async movePointer(releaseId: ReleaseId, holder: string): Promise<ReleasePointer> {
    return this.#access.write(() => {
      if (this.#lease()?.holder !== holder) throw leaseLost(releaseId);
      const sealed = this.sealed(releaseId);
      if (!sealed) throw this.notThere(releaseId);
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
    return guarded(() => this.#allSealed().map(summaryOf));
  }

  /** The seal goes first, then the records in portions; called again after an interruption, it removes the rest. */
  async removeRelease(releaseId: ReleaseId): Promise<void> {
    await this.#access.write(() => {
      if (this.#pointer()?.releaseId === releaseId) throw isCurrent(releaseId);
      void this.#db.remove(keys.sealedRelease(releaseId));
      void this.#db.put(keys.begun(releaseId), Buffer.alloc(0));
    });
    for (;;) {
      const range = { ...keys.releaseRecords(releaseId), limit: REMOVE_AT_ONCE };
      const some = guarded(() => [...this.#db.getKeys(range)]);
      if (some.length === 0) break;
      await this.#access.write(() => {
        for (const key of some) void this.#db.remove(key);
      });
    }
    await this.#access.write(() => void this.#db.remove(keys.begun(releaseId)));
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

  /** The seal of a release, or null where it has none. */
  sealed(releaseId: ReleaseId): SealedRelease | null {
    const record = this.#db.get(keys.sealedRelease(releaseId));
    if (!record) return null;
    // Every read asks for the seal, so it is decoded once.
    const last = this.#lastSeal;
    if (last?.record.equals(record)) return last.sealed;
    const sealed = decodeSealed(record.toString());
    this.#lastSeal = { record: Buffer.from(record), sealed };
    return sealed;
  }

  /** What a reader is told that asks for a release without a seal. */
  notThere(releaseId: ReleaseId): MicError {
    return releaseNotThere(
      releaseId,
      this.#allSealed().map((sealed) => sealed.releaseId),
    );
  }

  // --- inside

  /** Null when nobody holds it, or whoever did let it run out. */
  #lease(): { readonly holder: string; readonly untilMs: number } | null {
    const record = this.#db.get(keys.lease);
    const lease = record ? (JSON.parse(record.toString()) as { holder: string; untilMs: number }) : null;
    return lease && lease.untilMs > Date.now() ? lease : null;
  }

  #pointer(): ReleasePointer | null {
    return decodePointer(this.#db.get(keys.pointer)?.toString());
  }

  #allSealed(): SealedRelease[] {
    return [...this.#db.getRange(keys.sealedReleases)]
      .flatMap(({ value }) => decodeSealed(value.toString()) ?? [])
      .sort((a, b) => a.sealedAtMs - b.sealedAtMs);
  }

  #putJson(key: (string | number)[], value: unknown): void {
    void this.#db.put(key, Buffer.from(JSON.stringify(value)));
  }
}
