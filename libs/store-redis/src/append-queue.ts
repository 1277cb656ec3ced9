import { randomBytes } from 'node:crypto';
import { MicError, type Interaction } from '@mic/domain';
import type { AppendResult } from '@mic/recall';
import { decodeHistory, encodeHistory, placeEvents } from '@mic/store-records';
import type { Keys } from './keys';
import type { RedisLink } from './redis-link';
import { REPLACE_HISTORY } from './scripts';

/** A history is a revision, which changes with every write, and the packed events. */
const REVISION_BYTES = 8;
const NO_REVISION = Buffer.alloc(0);
/** Users whose histories are read and written at a time: bounds memory and the length of pipelines. */
const USERS_AT_ONCE = 500;
/** Times that a history is read again because another process changed it in between. */
const MOST_ROUNDS = 50;

/** One caller's events, and what became of them so far. */
interface Append {
  readonly byUser: ReadonlyMap<string, readonly Interaction[]>;
  readonly total: { accepted: number; duplicates: number; tooOld: number };
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: unknown) => void;
}

/** The events of one user, of all callers of a batch, in the order of the calls. */
interface UserAppends {
  readonly userId: string;
  readonly adds: { readonly append: Append; readonly events: readonly Interaction[] }[];
}

/** The events in a stored history, without its revision. */
export function historyEvents(value: Buffer | null): Buffer | undefined {
  return value?.subarray(REVISION_BYTES);
}

/**
 * Appends to histories. Calls that come while one is under way are put together, so that callers of this process never
 * compete; against other processes every write is conditional on what was read, and repeated when it lost.
 */
export class AppendQueue {
  readonly #link: RedisLink;
  readonly #keys: Keys;
  readonly #historyCap: number;
  #waiting: Append[] = [];
  #running = false;

  constructor(link: RedisLink, keys: Keys, historyCap: number) {
    this.#link = link;
    this.#keys = keys;
    this.#historyCap = historyCap;
  }

  append(events: readonly Interaction[]): Promise<AppendResult> {
    const byUser = new Map<string, Interaction[]>();
    for (const event of events) {
      const own = byUser.get(event.userId);
      if (own) own.push(event);
      else byUser.set(event.userId, [event]);
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ byUser, total: { accepted: 0, duplicates: 0, tooOld: 0 }, resolve, reject });
      if (!this.#running) void this.#runAll();
    });
  }

  async #runAll(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        const users = byUser(batch);
        for (let from = 0; from < users.length; from += USERS_AT_ONCE) {
          await this.#write(users.slice(from, from + USERS_AT_ONCE));
        }
        for (const { total, resolve } of batch) resolve(total);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#running = false;
  }

  async #write(users: readonly UserAppends[]): Promise<void> {
    let left = users;
    for (let round = 0; left.length > 0; round++) {
      if (round === MOST_ROUNDS) {
        throw new MicError('ABORTED', `another process keeps changing the history of ${left[0]!.userId}`, {
          subject: left[0]!.userId,
          remedy: 'repeat the call: it is idempotent',
        });
      }
      if (round > 0) await pause(round);
      left = await this.#tryWrite(left);
    }
  }

  /** Reads, places and writes once; gives the users whose history somebody else changed in between. */
  async #tryWrite(users: readonly UserAppends[]): Promise<UserAppends[]> {
    const keys = this.#keys.histories(users.map(({ userId }) => userId));
    const stored = await this.#link.get(keys);
    const placed = users.map(({ adds }, i) => {
      let history = decodeHistory(historyEvents(stored[i]!));
      const results = adds.map(({ events }) => {
        const next = placeEvents(history, events, this.#historyCap);
        history = next.history;
        return next.result;
      });
      return { history, results, changed: results.some(({ accepted }) => accepted > 0) };
    });
    const changed = [...placed.keys()].filter((i) => placed[i]!.changed);
    const answers = await this.#link.run(
      changed.map((i) => {
        const value = Buffer.concat([randomBytes(REVISION_BYTES), encodeHistory(placed[i]!.history)]);
        const read = stored[i]?.subarray(0, REVISION_BYTES) ?? NO_REVISION;
        return { key: keys[i]!, words: ['eval', REPLACE_HISTORY, 1, keys[i]!.name, read, value] };
      }),
    );
    const lost = new Set(changed.filter((_, c) => answers[c] !== 1));
    placed.forEach(({ results }, i) => {
      if (lost.has(i)) return;
      users[i]!.adds.forEach(({ append: { total } }, a) => {
        total.accepted += results[a]!.accepted;
        total.duplicates += results[a]!.duplicates;
        total.tooOld += results[a]!.tooOld;
      });
    });
    return [...lost].map((i) => users[i]!);
  }
}

function byUser(batch: readonly Append[]): UserAppends[] {
  const users = new Map<string, UserAppends>();
  for (const append of batch) {
    for (const [userId, events] of append.byUser) {
      const user = users.get(userId) ?? { userId, adds: [] };
      user.adds.push({ append, events });
      users.set(userId, user);
    }
  }
  return [...users.values()];
}

/** Waits a random time, longer with every round, so that processes that compete fall out of step. */
const pause = (round: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(2 * round, 40)));
