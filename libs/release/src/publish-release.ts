import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { MicError, type ReleaseId } from '@mic/domain';
import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type {
  LiveItem,
  LiveItemKeeper,
  LiveItemRecords,
  ReleasePointer,
  ReleasePublisher,
  StoreMemory,
} from '@mic/recall';
import { itemsKnownBy } from './known-items';
import { MANIFEST_FILE } from './layout';
import { releaseSummary } from './manifest';
import type { OpenRelease } from './open-release';

/** Steps of publishing, in order. */
export type PublishStage = 'clear' | 'users' | 'items' | 'check' | 'point' | 'retire';

/** How far publishing is; users and items in rows. */
export interface PublishProgress {
  readonly stage: PublishStage;
  readonly done: number;
  readonly total: number;
}

export interface PublishRequest {
  readonly release: OpenRelease;
  readonly target: ReleasePublisher & LiveItemRecords & LiveItemKeeper;
  /** Sealed releases that stay in the store, the new one among them; 3 by default, at least 2: the one before may still be served. */
  readonly keep?: number;
  /** Publish although the release did not pass its gate. */
  readonly despiteGate?: boolean;
  /** How long to wait for another publisher, milliseconds; as long as the lease of a dead one lasts by default. */
  readonly waitMs?: number;
  readonly onProgress?: (progress: PublishProgress) => void;
}

export interface Published {
  readonly pointer: ReleasePointer;
  /** Seconds of each step. */
  readonly stages: readonly { readonly name: PublishStage; readonly seconds: number }[];
  /** Bytes of the store. */
  readonly memory: {
    /** For this release, computed before anything was written. */
    readonly predictedBytes: number;
    /** That it took; 0 where it was there already. */
    readonly addedBytes: number;
    readonly usedBeforeBytes: number;
    readonly usedAfterBytes: number;
  };
  /** Releases that were taken out of the store. */
  readonly removed: readonly ReleaseId[];
  /** Live items that every release of the store knows by itself now, taken out of it. */
  readonly liveItemsForgotten: number;
}

/** Until another publisher takes over from one that died, and how often the lease is renewed, milliseconds. */
const LEASE_MS = 15_000;
const RENEW_MS = LEASE_MS / 3;
const LEASE_PAUSE_MS = 500;
/** Share of the store's memory that a release may fill. */
const FULL = 0.98;

/**
 * Puts a release into a store and makes it the current one: users, similar items, a look at every record, seal, pointer, in
 * this order, so that a reader never meets half a release (ADR 015). Run again after a failure it goes on; run twice
 * it comes to the same. Releases beyond the newest `keep` are removed at the end, but for the one that was current until then:
 * services serve it until they have opened the new one.
 *
 * @throws MicError FAILED_PRECONDITION when the gate was not passed, or another publisher is at work; ALREADY_EXISTS when the
 *   store has another release under this id; RESOURCE_EXHAUSTED when the store has no room: what was written of the
 *   release is removed; ABORTED when the lease was lost.
 */
export async function publishRelease(request: PublishRequest): Promise<Published> {
  const { release, target, despiteGate = false, waitMs = LEASE_MS + 2 * LEASE_PAUSE_MS } = request;
  if (!release.manifest.gate.passed && !despiteGate) throw gateNotPassed(release);
  return withLease(target, `publish ${release.releaseId}`, waitMs, async (holder, checkLease) => {
    const publishing = new Publishing(request, checkLease);
    try {
      return await publishing.run(holder);
    } catch (error) {
      // Another publisher may have cleared the release before its last records were written: the next publish removes them.
      const isLost = error instanceof MicError && error.code === 'ABORTED';
      if (isLost) await target.begin(release.releaseId).catch(() => false);
      throw error;
    }
  });
}

class Publishing {
  readonly #request: PublishRequest;
  readonly #checkLease: () => void;
  readonly #stages: { name: PublishStage; seconds: number }[] = [];

  constructor(request: PublishRequest, checkLease: () => void) {
    this.#request = request;
    this.#checkLease = checkLease;
  }

  async run(holder: string): Promise<Published> {
    const { release, target, keep = 3 } = this.#request;
    const { releaseId, manifest } = release;
    const removed: ReleaseId[] = [];
    const kept = Math.max(2, keep);
    await this.#stage('clear', async () => {
      for (const abandoned of await target.unfinished()) {
        if (abandoned === releaseId) continue;
        await target.removeRelease(abandoned);
        removed.push(abandoned);
      }
      // One that was spared when it was left (below) takes no room of this one.
      removed.push(...(await this.#removeBeyond(kept, [(await target.pointer())?.releaseId ?? null, releaseId])));
    });
    const before = await target.memory();
    const predictedBytes = target.predictBytes(await release.shape());
    const isSealed = (await target.releases()).some((sealed) => sealed.releaseId === releaseId);
    if (!isSealed) {
      checkForgetsNothing(before);
      // Of a release that was begun, some is there already.
      if (!(await target.unfinished()).includes(releaseId)) checkRoom(before, predictedBytes);
      const isNew = await target.begin(releaseId);
      try {
        await this.#write(isNew);
      } catch (error) {
        if (error instanceof MicError && error.code === 'RESOURCE_EXHAUSTED') await target.removeRelease(releaseId);
        throw error;
      }
    }
    const after = await target.memory();
    const served = (await target.pointer())?.releaseId ?? null;
    const pointer = await this.#stage('point', async () => {
      await target.seal(releaseSummary(manifest), holder);
      return target.movePointer(releaseId, holder);
    });
    removed.push(...(await this.#stage('retire', () => this.#removeBeyond(kept, [served, releaseId]))));
    const liveItemsForgotten = await this.#forgetLiveItems();
    const addedBytes = isSealed ? 0 : after.usedBytes - before.usedBytes;
    const [usedBeforeBytes, usedAfterBytes] = [before.usedBytes, (await target.memory()).usedBytes];
    return {
      pointer,
      stages: this.#stages,
      memory: { predictedBytes, addedBytes, usedBeforeBytes, usedAfterBytes },
      removed,
      liveItemsForgotten,
    };
  }

  /** Writes what is not there, then looks for every record. @param isNew nothing of the release is there. */
  async #write(isNew: boolean): Promise<void> {
    const { release, target, onProgress } = this.#request;
    const { releaseId, manifest } = release;
    const { users, items } = manifest.counts;
    await this.#stage('users', async () => {
      let done = 0;
      for await (const batch of release.readUsers()) {
        this.#checkLease();
        if (isNew || !(await target.hasUsers(releaseId, batch))) await target.writeUsers(releaseId, batch);
        onProgress?.({ stage: 'users', done: (done += batch.length), total: users });
      }
    });
    await this.#stage('items', async () => {
      for await (const { firstRow, lists } of release.readSimilarItems()) {
        this.#checkLease();
        const count = lists.offsets.length - 1;
        const isThere = !isNew && (await target.hasSimilarItems(releaseId, firstRow, count));
        if (!isThere) await target.writeSimilarItems(releaseId, firstRow, lists);
        onProgress?.({ stage: 'items', done: firstRow + count, total: items });
      }
    });
    await this.#stage('check', async () => {
      let done = 0;
      const report = (rows: number): void => {
        onProgress?.({ stage: 'check', done: (done += rows), total: users + items });
      };
      for await (const batch of release.readUserIds()) {
        this.#checkLease();
        if (!(await target.hasUsers(releaseId, batch))) throw recordsLost(releaseId);
        report(batch.length);
      }
      for (let row = 0; row < items; row += CHECKED_ROWS) {
        this.#checkLease();
        const count = Math.min(CHECKED_ROWS, items - row);
        if (!(await target.hasSimilarItems(releaseId, row, count))) throw recordsLost(releaseId);
        report(count);
      }
    });
  }

  /** Takes the oldest releases out of the store; the newest `keep` stay, and those that are served. */
  async #removeBeyond(keep: number, spared: readonly (ReleaseId | null)[]): Promise<ReleaseId[]> {
    const { target } = this.#request;
    const sealed = (await target.releases()).map(({ releaseId }) => releaseId);
    const retired = sealed.slice(0, -keep).filter((releaseId) => !spared.includes(releaseId));
    for (const releaseId of retired) {
      this.#checkLease();
      await target.removeRelease(releaseId);
    }
    return retired;
  }

  /** A record that says nothing new to any release that may be served goes; where the folder of one is not here, all stay. */
  async #forgetLiveItems(): Promise<number> {
    const { release, target } = this.#request;
    let known: readonly LiveItem[] = (await target.liveItems(null)).items.filter(({ fields }) => fields !== null);
    for (const { releaseId } of known.length > 0 ? await target.releases() : []) {
      const folder = releaseId === release.releaseId ? release.directory : join(dirname(release.directory), releaseId);
      const isHere = await access(join(folder, MANIFEST_FILE)).then(
        () => true,
        () => false,
      );
      known = isHere ? await itemsKnownBy(folder, known) : [];
    }
    return known.length === 0 ? 0 : target.forgetLiveItems(known);
  }

  async #stage<T>(name: PublishStage, work: () => Promise<T>): Promise<T> {
    this.#checkLease();
    const started = performance.now();
    const result = await work();
    this.#stages.push({ name, seconds: (performance.now() - started) / 1000 });
    this.#request.onProgress?.({ stage: name, done: 1, total: 1 });
    return result;
  }
}

/** Rows of a look at similar items. */
const CHECKED_ROWS = 1_000;

/**
 * Works on the releases of a store as the only one: takes the lease, renews it on the way, and gives it back.
 *
 * @param what names the work in the messages of others.
 * @param work gets the holder's name, and a check that throws once the lease was lost.
 */
export async function withLease<T>(
  target: Pick<ReleasePublisher, 'lease' | 'renewLease' | 'endLease'>,
  what: string,
  waitMs: number,
  work: (holder: string, check: () => void) => Promise<T>,
  by: { readonly force?: boolean } = {},
): Promise<T> {
  const holder = `${what} on ${hostname()} (pid ${process.pid}, ${randomUUID().slice(0, 8)})`;
  const until = performance.now() + waitMs;
  for (;;) {
    const lease = await target.lease(holder, LEASE_MS, by);
    if (lease.holder === holder) break;
    if (performance.now() >= until) throw busy(lease.holder, lease.leftMs);
    await sleep(LEASE_PAUSE_MS);
  }
  const state: { lost?: MicError } = {};
  let renewedAt = performance.now();
  const renewal = setInterval(() => {
    void target.renewLease(holder, LEASE_MS).then(
      (now) => {
        if (now === holder) renewedAt = performance.now();
        else state.lost ??= taken(now ?? 'somebody who has given it back');
      },
      () => undefined,
    );
  }, RENEW_MS);
  const check = (): void => {
    if (performance.now() - renewedAt > LEASE_MS) state.lost ??= taken('nobody: it ran out');
    if (state.lost) throw state.lost;
  };
  try {
    return await work(holder, check);
  } finally {
    clearInterval(renewal);
    await target.endLease(holder).catch(() => undefined);
  }
}

function checkForgetsNothing({ forgets }: StoreMemory): void {
  if (forgets === null) return;
  throw new MicError('FAILED_PRECONDITION', `the store forgets records on its own (${forgets})`, {
    subject: 'store',
    remedy: 'set maxmemory-policy noeviction: what is evicted of a release is missing in every answer',
  });
}

function checkRoom({ usedBytes, maxBytes }: StoreMemory, predictedBytes: number): void {
  if (maxBytes === null || usedBytes + predictedBytes <= FULL * maxBytes) return;
  const inMiB = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  throw new MicError(
    'RESOURCE_EXHAUSTED',
    `the release needs about ${inMiB(predictedBytes)} in the store, which has ${inMiB(Math.max(0, maxBytes - usedBytes))} of ${inMiB(maxBytes)} left`,
    { subject: 'store', remedy: 'give the store more memory (maxmemory), or publish with a smaller --keep before' },
  );
}

function gateNotPassed({ releaseId, manifest }: OpenRelease): MicError {
  const failed = manifest.gate.checks.filter(({ passed }) => !passed).map(({ name }) => name);
  return new MicError('FAILED_PRECONDITION', `release ${releaseId} did not pass its gate: ${failed.join(', ')}`, {
    subject: releaseId,
    remedy: 'its manifest.json has every check; mend the model, or publish it all the same with --despite-gate',
  });
}

const busy = (holder: string, leftMs: number): MicError =>
  new MicError('FAILED_PRECONDITION', `another publisher is at work: ${holder}`, {
    subject: 'store',
    remedy: `wait until it has ended; if it has died, its lease runs out in ${Math.ceil(leftMs / 1000)} s`,
  });

const taken = (holder: string): MicError =>
  new MicError('ABORTED', `the lease of the store was lost to ${holder}`, {
    subject: 'store',
    remedy: 'look who moved the pointer meanwhile (a rollback?); publish again if this release is still wanted',
  });

const recordsLost = (releaseId: ReleaseId): MicError =>
  new MicError('ABORTED', `the store has lost records of ${releaseId} while it was published`, {
    subject: 'store',
    remedy: 'publish again, which writes them; look whether a Redis failed over or was restarted',
  });
