import { randomBytes } from 'node:crypto';
import { MicError } from '@mic/domain';
import type { HistoryBounds, HistoryRetention } from '@mic/store-records';
import type { Keys } from './keys';
import type { RedisLink } from './redis-link';
import { REPLACE_HISTORY } from './scripts';

/** A history is a revision, which changes with every write, and the packed events. */
const REVISION_BYTES = 8;
const NO_REVISION = Buffer.alloc(0);
const REVISIONS_AT_ONCE = 512;
/** Users whose histories are read and written at a time: bounds memory and the length of pipelines. */
export const USERS_AT_ONCE = 500;
/** Times that a history is read again because another process changed it in between. */
const MOST_ROUNDS = 50;

/** The events in a stored history, without its revision. */
export function historyEvents(value: Buffer | null): Buffer | undefined {
  return value?.subarray(REVISION_BYTES);
}

export function revisionOf(value: Buffer | null): Buffer {
  return value?.subarray(0, REVISION_BYTES) ?? NO_REVISION;
}

/** Random bytes for revisions: the system is asked for many at a time. */
let revisions = NO_REVISION;

/** A packed history as it is stored, under a new revision. */
export function storedHistory(record: Buffer): Buffer {
  if (revisions.length === 0) revisions = randomBytes(REVISION_BYTES * REVISIONS_AT_ONCE);
  const revision = revisions.subarray(0, REVISION_BYTES);
  revisions = revisions.subarray(REVISION_BYTES);
  return Buffer.concat([revision, record]);
}

/** How the history of one user is to change. */
export interface HistoryUpdate {
  readonly userId: string;
  /**
   * The new history, packed, and when its newest event was; null to leave it. Asked again, about what is there then, when
   * another process was faster.
   * @param stored packed history, undefined: none.
   */
  change(
    stored: Buffer | undefined,
    bounds: HistoryBounds,
  ): { readonly record: Buffer; readonly newestMs: number } | null;
}

/**
 * Changes histories: every write is conditional on what was read, and repeated when it lost.
 * @throws MicError ABORTED when another process is always faster.
 */
export class HistoryUpdater {
  readonly #link: RedisLink;
  readonly #keys: Keys;
  readonly #retention: HistoryRetention;

  constructor(link: RedisLink, keys: Keys, retention: HistoryRetention) {
    this.#link = link;
    this.#keys = keys;
    this.#retention = retention;
  }

  async update(updates: readonly HistoryUpdate[]): Promise<void> {
    for (let from = 0; from < updates.length; from += USERS_AT_ONCE) {
      let left = updates.slice(from, from + USERS_AT_ONCE);
      for (let round = 0; left.length > 0; round++) {
        if (round === MOST_ROUNDS) {
          throw new MicError('ABORTED', `another process keeps changing the history of ${left[0]!.userId}`, {
            subject: left[0]!.userId,
            remedy: 'repeat the call: it is idempotent',
          });
        }
        if (round > 0) await pause(round);
        left = await this.#tryOnce(left);
      }
    }
  }

  /** When a history with that newest event is to go by itself, as an argument: '' for never. */
  expiryOf(newestMs: number): number | '' {
    return this.#retention.hasTtl ? this.#retention.expiresAtMs(newestMs) : '';
  }

  /** Reads, changes and writes once; gives the updates whose history somebody else changed in between. */
  async #tryOnce(updates: readonly HistoryUpdate[]): Promise<HistoryUpdate[]> {
    const keys = this.#keys.histories(updates.map(({ userId }) => userId));
    const stored = await this.#link.get(keys);
    const bounds = this.#retention.bounds();
    const writes = updates.flatMap((update, i) => {
      const changed = update.change(historyEvents(stored[i]!), bounds);
      return changed ? [{ update, key: keys[i]!, read: revisionOf(stored[i]!), changed }] : [];
    });
    const answers = await this.#link.run(
      writes.map(({ key, read, changed }) => ({
        key,
        words: [
          'eval',
          REPLACE_HISTORY,
          1,
          key.name,
          read,
          storedHistory(changed.record),
          this.expiryOf(changed.newestMs),
        ],
      })),
    );
    return writes.filter((_, i) => answers[i] !== 1).map(({ update }) => update);
  }
}

/** Waits a random time, longer with every round, so that processes that compete fall out of step. */
const pause = (round: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(2 * round, 40)));
