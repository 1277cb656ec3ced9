import { toMicError } from '@mic/domain';
import type { LiveItemRecords } from '@mic/recall';
import type { Logger } from '@mic/rpc';
import { KnownItems } from './known-items';
import type { ReleaseItems } from './release-items';

export interface LiveItemsFollowerOptions {
  /** The store, which may not be there yet. */
  readonly records: () => Promise<LiveItemRecords>;
  readonly logger: Logger;
  /** Between two looks, milliseconds; 400 by default. */
  readonly everyMs?: number;
}

/** Between two looks: a new item counts everywhere within a second, half of which is for its vector and a slow look. */
const LOOK_EVERY_MS = 400;

/**
 * Follows what the store says of items, for the releases that are open (ADR 020). It looks again and again: who missed a message
 * would be wrong for ever.
 */
export class LiveItemsFollower {
  readonly #options: LiveItemsFollowerOptions;
  readonly #known = new KnownItems();
  readonly #releases = new Set<ReleaseItems>();
  readonly #timer: NodeJS.Timeout;
  /** Readings, one after the other. */
  #reads: Promise<void> = Promise.resolve();
  #waiting = 0;
  /** Releases that may lack vectors. */
  #behind = new Set<ReleaseItems>();
  /** Releases whose vectors are asked for, and what waits for that to be over. */
  readonly #embedding = new Map<ReleaseItems, { readonly now: Promise<void>; next: Promise<void> | null }>();
  #told = '';

  constructor(options: LiveItemsFollowerOptions) {
    this.#options = options;
    this.#timer = setInterval(() => {
      if (this.#waiting === 0) void this.look().catch(() => undefined);
    }, options.everyMs ?? LOOK_EVERY_MS);
    this.#timer.unref();
  }

  /** Keeps a release's items up to date from now on; resolves when they are, or could not be brought there. */
  async add(release: ReleaseItems): Promise<void> {
    this.#releases.add(release);
    this.#behind.add(release);
    release.show(this.#known);
    await this.look().catch(() => undefined);
  }

  remove(release: ReleaseItems): void {
    this.#releases.delete(release);
    this.#behind.delete(release);
  }

  /**
   * Reads what has changed before this call, and shows it in every release: what is hidden counts then, and waits for no tower.
   * @throws MicError when the store does not answer; it is tried again at the next look.
   */
  read(): Promise<void> {
    this.#waiting++;
    const read = this.#reads.then(() => this.#readOnce()).finally(() => this.#waiting--);
    this.#reads = read.catch(() => undefined);
    return read;
  }

  /**
   * As `read`, and gets the vectors of new items.
   * @throws MicError when the store or a tower does not answer; it is tried again at the next look.
   */
  async look(): Promise<void> {
    try {
      await this.read();
      await this.#embedAll();
      this.#told = '';
    } catch (error) {
      const { code, message, remedy } = toMicError(error);
      if (message !== this.#told) {
        this.#options.logger.warn(
          { code, error: message, remedy },
          'live items could not be read; what was read counts',
        );
      }
      this.#told = message;
      throw error;
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#reads;
    await Promise.allSettled(Array.from(this.#embedding.values(), ({ now }) => now));
  }

  async #readOnce(): Promise<void> {
    const records = await this.#options.records();
    const isNews = this.#known.take(await records.liveItems(this.#known.mark));
    if (!isNews) return;
    this.#behind = new Set(this.#releases);
    for (const release of this.#releases) release.show(this.#known);
  }

  /**
   * Each release by itself: that the tower of one is away holds up no other. What is under way for a release that is not behind is
   * all that is known.
   */
  async #embedAll(): Promise<void> {
    const underWay = Array.from(this.#embedding).filter(([release]) => !this.#behind.has(release));
    const ended = await Promise.allSettled([
      ...underWay.map(([, { now }]) => now),
      ...Array.from(this.#behind, (release) => this.#embed(release)),
    ]);
    const failed = ended.find((one) => one.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** Gets what a release lacks; where that is under way, once more for all who come meanwhile. */
  #embed(release: ReleaseItems): Promise<void> {
    const underWay = this.#embedding.get(release);
    if (underWay) return (underWay.next ??= underWay.now.catch(() => undefined).then(() => this.#embed(release)));
    const now = this.#embedOnce(release).finally(() => this.#embedding.delete(release));
    this.#embedding.set(release, { now, next: null });
    return now;
  }

  async #embedOnce(release: ReleaseItems): Promise<void> {
    this.#behind.delete(release);
    try {
      await release.embedMissing(this.#known);
    } catch (error) {
      if (this.#releases.has(release)) this.#behind.add(release);
      throw error;
    }
  }
}
