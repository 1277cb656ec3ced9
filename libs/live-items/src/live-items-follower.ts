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
  /** Looks, one after the other. */
  #looks: Promise<void> = Promise.resolve();
  #waiting = 0;
  #behind = new Set<ReleaseItems>();
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
    await this.look().catch(() => undefined);
  }

  remove(release: ReleaseItems): void {
    this.#releases.delete(release);
    this.#behind.delete(release);
  }

  /**
   * Reads what has changed before this call, and brings every release there.
   * @throws MicError when the store or a tower does not answer; it is tried again at the next look.
   */
  look(): Promise<void> {
    this.#waiting++;
    const look = this.#looks.then(() => this.#lookOnce()).finally(() => this.#waiting--);
    this.#looks = look.catch(() => undefined);
    return look;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looks;
  }

  /** Each release by itself: that the tower of one is away keeps no other from hiding what is hidden. */
  async #applyToAll(): Promise<void> {
    const failures: unknown[] = [];
    for (const release of [...this.#behind]) {
      try {
        await release.apply(this.#known);
        this.#behind.delete(release);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  async #lookOnce(): Promise<void> {
    try {
      const records = await this.#options.records();
      const isNews = this.#known.take(await records.liveItems(this.#known.mark));
      if (isNews) this.#behind = new Set(this.#releases);
      await this.#applyToAll();
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
}
