import { MicError, toMicError, type ReleaseId } from '@mic/domain';
import type { ReleasePointer, ReleaseSummary } from '@mic/recall';
import type { ReleaseState } from './host';

/** A release that is open for serving. */
export interface OpenedRelease<T> {
  readonly summary: ReleaseSummary;
  readonly value: T;
  close(): Promise<void>;
}

/** How a service opens releases, and when it may answer from one. */
export interface ReleaseOpener<T> {
  /**
   * Opens a release, verified.
   * @param beside whether another one is served meanwhile, whose callers are to feel little of it.
   * @throws MicError saying what is wrong with it.
   */
  open(pointer: ReleasePointer, beside: boolean): Promise<OpenedRelease<T>>;
  /** Why a release that is open must not become the current one yet; null when it may. Always null by default. */
  hindrance?(release: OpenedRelease<T>): Promise<string | null>;
  /** Prepares a release that is about to become the current one. */
  warmUp?(release: OpenedRelease<T>): Promise<void>;
  /** Another release that could be served while the published one cannot, for a service that has none yet. */
  alternative?(): Promise<ReleasePointer | null>;
}

export interface OpenReleasesOptions {
  /** Releases open at a time, at least 2: one is served while another is opened. */
  readonly most: number;
  /** How long a release that is not current stays open after its last use, milliseconds. */
  readonly lingerMs: number;
  /** Milliseconds; performance.now by default. */
  readonly clock?: () => number;
  readonly onEvent?: (event: ReleaseEvent) => void;
}

/** What happens to releases, for the log and the metrics. */
export type ReleaseEvent =
  | { readonly kind: 'opened' | 'current' | 'closed'; readonly release: ReleaseSummary; readonly ms: number }
  | { readonly kind: 'waiting'; readonly releaseId: ReleaseId; readonly message: string }
  | { readonly kind: 'failed'; readonly releaseId: ReleaseId; readonly error: MicError; readonly againInMs: number };

interface Entry<T> {
  readonly release: OpenedRelease<T>;
  /** Calls that are being answered from it. */
  running: number;
  /** When it was last used or named, on the clock. */
  usedAt: number;
  /** It was current, or somebody named it: others may depend on it. */
  wasUsed: boolean;
}

interface Failure {
  readonly pointer: ReleasePointer;
  readonly error: MicError;
  readonly count: number;
  readonly nextTryAt: number;
}

/** After the first failure, then twice as long after each. */
const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * The releases that a service can answer from. `follow` is told the pointer again and again and does what is next: opens
 * the published release beside the current one, makes it current when nothing hinders, closes what nobody uses any more
 * (ADR 016).
 */
export class OpenReleases<T> {
  readonly #opener: ReleaseOpener<T>;
  readonly #options: Required<OpenReleasesOptions>;
  /** The newest last. */
  #entries: Entry<T>[] = [];
  #current: Entry<T> | null = null;
  #wanted: ReleasePointer | null = null;
  #problem: string | null = null;
  #failure: Failure | null = null;
  #following: Promise<void> | null = null;
  #isOpening = false;
  #closed = false;

  constructor(opener: ReleaseOpener<T>, options: OpenReleasesOptions) {
    this.#opener = opener;
    this.#options = { clock: () => performance.now(), onEvent: () => undefined, ...options };
  }

  /**
   * Does something with a release, which stays open until that has ended.
   *
   * @param wanted the release; the current one where it is undefined. The sha256, where it is given, must be its manifest's.
   * @throws MicError FAILED_PRECONDITION when that release is not open here, or is one of other content; UNAVAILABLE when none is.
   */
  async use<R>(
    wanted: { readonly releaseId: string; readonly manifestSha256?: string } | undefined,
    work: (value: T, summary: ReleaseSummary) => Promise<R>,
  ): Promise<R> {
    const entry = this.#find(wanted);
    entry.running++;
    try {
      return await work(entry.release.value, entry.release.summary);
    } finally {
      entry.running--;
      entry.usedAt = this.#options.clock();
      entry.wasUsed = true;
    }
  }

  /** Keeps releases open a while longer: somebody who calls this service says that he uses them. */
  keep(releaseIds: readonly string[]): void {
    for (const entry of this.#entries) {
      if (!releaseIds.includes(entry.release.summary.releaseId)) continue;
      entry.usedAt = this.#options.clock();
      entry.wasUsed = true;
    }
  }

  state(): ReleaseState {
    const others = this.#entries.filter((entry) => entry !== this.#current).reverse();
    return {
      current: this.#current?.release.summary ?? null,
      open: [...(this.#current ? [this.#current] : []), ...others].map(({ release }) => release.summary),
      wanted: this.#wanted?.releaseId ?? null,
      problem: this.#problem ?? this.#isOnItsWay(),
    };
  }

  /** Moves on towards what the pointer names. A call while another one is at work waits for that one and does nothing. */
  follow(pointer: ReleasePointer): Promise<void> {
    this.#following ??= this.#step(pointer).finally(() => {
      this.#following = null;
    });
    return this.#following;
  }

  /** Opens a release that others may still use beside those that are open, if there is room; changes nothing else if it fails. */
  async openToo(pointer: ReleasePointer): Promise<void> {
    if (this.#entryOf(pointer) || this.#entries.length >= this.#options.most) return;
    const entry = await this.#open(pointer).catch(() => null);
    if (entry) entry.wasUsed = true;
  }

  /** Closes all; what is being opened, which may take long, is closed when it is open. */
  async close(): Promise<void> {
    this.#closed = true;
    if (!this.#isOpening) await this.#following?.catch(() => undefined);
    const entries = this.#entries.splice(0);
    this.#current = null;
    const closed = await Promise.allSettled(entries.map(({ release }) => release.close()));
    const failed = closed.find((one) => one.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** What is said of a published release until it is known whether it can be served. */
  #isOnItsWay(): string | null {
    if (this.#wanted === null || this.#current === null) return null;
    return samePointer(pointerOf(this.#current), this.#wanted)
      ? null
      : `release ${this.#wanted.releaseId} is being opened`;
  }

  async #step(pointer: ReleasePointer): Promise<void> {
    this.#wanted = pointer;
    this.#stepBack(pointer);
    await this.#closeUnused(pointer);
    this.#problem = await this.#moveTo(pointer);
    if (this.#problem !== null && this.#current === null && !this.#closed) await this.#serveAlternative();
  }

  /**
   * Where there is no room for the published release, a current one that nobody uses makes way: callers that could not follow to
   * it keep to the one before, and would have both kept open for ever.
   */
  #stepBack(pointer: ReleasePointer): void {
    const { clock, most, lingerMs } = this.#options;
    const current = this.#current;
    if (!current || this.#entries.length < most || this.#entryOf(pointer)) return;
    const isInUse = (entry: Entry<T>): boolean => entry.running > 0 || clock() - entry.usedAt < lingerMs;
    const kept = this.#entries.findLast((entry) => entry !== current && isInUse(entry));
    if (kept && !isInUse(current)) this.#setCurrent(kept, clock());
  }

  /** @returns why the current release is not the one that the pointer names; null when it is. */
  async #moveTo(pointer: ReleasePointer): Promise<string | null> {
    const entry = this.#entryOf(pointer) ?? (await this.#openNext(pointer));
    if (typeof entry === 'string') return entry;
    if (entry === this.#current) return null;
    const hindrance = (await this.#opener.hindrance?.(entry.release)) ?? null;
    if (hindrance !== null) {
      this.#options.onEvent({ kind: 'waiting', releaseId: pointer.releaseId, message: hindrance });
      return hindrance;
    }
    await this.#makeCurrent(entry);
    return null;
  }

  /** @returns the entry, or why there is none. */
  async #openNext(pointer: ReleasePointer): Promise<Entry<T> | string> {
    const { clock, most, onEvent } = this.#options;
    const failed = this.#failure && samePointer(this.#failure.pointer, pointer) ? this.#failure : null;
    if (failed && clock() < failed.nextTryAt) return failed.error.message;
    if (this.#entries.length >= most) {
      const ids = this.#entries.map(({ release }) => release.summary.releaseId).join(', ');
      const message = `${ids} are still in use, and at most ${most} releases are open at a time`;
      onEvent({ kind: 'waiting', releaseId: pointer.releaseId, message });
      return message;
    }
    try {
      const entry = await this.#open(pointer);
      this.#failure = null;
      return entry;
    } catch (thrown) {
      const error = toMicError(thrown);
      if (this.#closed) return error.message;
      const count = (failed?.count ?? 0) + 1;
      const againInMs = Math.min(FIRST_PAUSE_MS * 2 ** (count - 1), LONGEST_PAUSE_MS);
      this.#failure = { pointer, error, count, nextTryAt: clock() + againInMs };
      onEvent({ kind: 'failed', releaseId: pointer.releaseId, error, againInMs });
      return error.message;
    }
  }

  async #open(pointer: ReleasePointer): Promise<Entry<T>> {
    const { clock, onEvent } = this.#options;
    const startedAt = clock();
    if (this.#closed) throw stopping();
    this.#isOpening = true;
    const release = await this.#opener.open(pointer, this.#current !== null).finally(() => {
      this.#isOpening = false;
    });
    if (this.#closed) {
      await release.close();
      throw stopping();
    }
    const entry = { release, running: 0, usedAt: clock(), wasUsed: false };
    this.#entries.push(entry);
    onEvent({ kind: 'opened', release: release.summary, ms: clock() - startedAt });
    return entry;
  }

  async #makeCurrent(entry: Entry<T>): Promise<void> {
    const startedAt = this.#options.clock();
    await this.#opener.warmUp?.(entry.release);
    if (this.#current) this.#current.usedAt = this.#options.clock();
    this.#setCurrent(entry, startedAt);
  }

  #setCurrent(entry: Entry<T>, startedAt: number): void {
    const { clock, onEvent } = this.#options;
    entry.wasUsed = true;
    entry.usedAt = clock();
    this.#current = entry;
    onEvent({ kind: 'current', release: entry.release.summary, ms: clock() - startedAt });
  }

  async #serveAlternative(): Promise<void> {
    const pointer = await this.#opener.alternative?.();
    if (!pointer) return;
    await this.openToo(pointer);
    const entry = this.#entryOf(pointer);
    if (entry) await this.#makeCurrent(entry);
  }

  /** Closes what is neither current nor published, and not used: at once where nobody ever used it. */
  async #closeUnused(pointer: ReleasePointer): Promise<void> {
    const { clock, lingerMs, onEvent } = this.#options;
    const isUnused = (entry: Entry<T>): boolean =>
      entry !== this.#current &&
      !samePointer(pointerOf(entry), pointer) &&
      entry.running === 0 &&
      (!entry.wasUsed || clock() - entry.usedAt >= lingerMs);
    const unused = this.#entries.filter(isUnused);
    this.#entries = this.#entries.filter((entry) => !unused.includes(entry));
    for (const { release } of unused) {
      const startedAt = clock();
      await release.close();
      onEvent({ kind: 'closed', release: release.summary, ms: clock() - startedAt });
    }
  }

  #entryOf(pointer: ReleasePointer): Entry<T> | undefined {
    return this.#entries.find((entry) => samePointer(pointerOf(entry), pointer));
  }

  #find(wanted: { readonly releaseId: string; readonly manifestSha256?: string } | undefined): Entry<T> {
    if (!this.#current && this.#entries.length === 0) throw noRelease();
    if (wanted === undefined) {
      if (!this.#current) throw noRelease();
      return this.#current;
    }
    const { releaseId, manifestSha256 = '' } = wanted;
    const named = this.#entries.filter(({ release }) => release.summary.releaseId === releaseId);
    if (named.length === 0) throw notOpen(releaseId, this.state().open);
    const entry = named.find(
      ({ release }) => manifestSha256 === '' || release.summary.manifestSha256 === manifestSha256,
    );
    if (!entry) throw otherContent(releaseId);
    return entry;
  }
}

type Named = Pick<ReleasePointer, 'releaseId' | 'manifestSha256'>;

const pointerOf = <T>({ release }: Entry<T>): Named => release.summary;

const samePointer = (a: Named, b: Named): boolean =>
  a.releaseId === b.releaseId && a.manifestSha256 === b.manifestSha256;

const stopping = (): MicError => new MicError('UNAVAILABLE', 'the service is stopping');

export const noRelease = (): MicError =>
  new MicError('UNAVAILABLE', 'no release is open here yet', {
    remedy: 'publish one (mic publish); the log says why one that is published is not open',
  });

function notOpen(releaseId: string, open: readonly ReleaseSummary[]): MicError {
  const ids = open.map((release) => release.releaseId);
  const there = ids.length === 1 ? `${ids[0]} is` : `${ids.join(' and ')} are`;
  return new MicError('FAILED_PRECONDITION', `release ${releaseId} is not open here, ${there}`, {
    subject: 'release_id',
    remedy: `ask for ${ids.join(' or ')}, or bring caller and service to the same release`,
  });
}

function otherContent(releaseId: string): MicError {
  return new MicError('FAILED_PRECONDITION', `release ${releaseId} has other content here`, {
    subject: 'manifest_sha256',
    remedy: 'give caller and service the same release folder; two contents must not share an id',
  });
}
