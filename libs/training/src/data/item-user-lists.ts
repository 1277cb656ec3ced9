import { usersOfItems, type HistoryTable, type Random } from '@mic/domain';

/** Users of an item that are averaged. */
const LONGEST = 50;

/**
 * The mean id row of users of each item, a feature without a gradient: rows are those of the last `refresh`, which also
 * draws a random sample of the users of popular items. A target must not be told by its list: where it is one, its own user
 * is left out; everywhere else one user drawn at random is, so that both look alike.
 */
export class ItemUserLists {
  readonly #width: number;
  readonly #offsets: Uint32Array;
  readonly #users: Uint32Array;
  readonly #lists: Uint32Array;
  readonly #counts: Uint8Array;
  readonly #means: Float32Array;
  readonly #without: Uint8Array;
  #table = new Float32Array(0);

  /** @param width of a row. */
  constructor(histories: HistoryTable, width: number) {
    const { offsets, users } = usersOfItems(histories);
    this.#width = width;
    this.#offsets = offsets;
    this.#users = users;
    this.#lists = new Uint32Array(histories.itemCount * LONGEST);
    this.#counts = new Uint8Array(histories.itemCount);
    this.#means = new Float32Array((histories.itemCount + 1) * width);
    this.#without = new Uint8Array(histories.userCount);
  }

  /** Draws the lists anew. @param userTable rows as they stand; copied. Row 0, the mask row, stands for an empty list. */
  refresh(userTable: Float32Array, random: Random): void {
    this.#table = userTable.slice();
    this.#means.set(userTable.subarray(0, this.#width));
    for (let item = 0; item < this.#counts.length; item++) {
      const from = this.#offsets[item]!;
      const count = this.#offsets[item + 1]! - from;
      const kept = Math.min(count, LONGEST);
      for (let i = 0; i < kept; i++) {
        const pick = count <= LONGEST ? i : random.below(count);
        this.#lists[item * LONGEST + i] = this.#users[from + pick]!;
      }
      this.#counts[item] = kept;
      const left = kept === 0 ? -1 : random.below(kept);
      this.#write(item, this.#means, (item + 1) * this.#width, (_, place) => place !== left);
    }
  }

  /** The user rows as of the last refresh: with its random numbers they give everything else. */
  get table(): Float32Array {
    return this.#table;
  }

  /**
   * The means of some items (-1: the mask row), with some users left out of those of the items `own`.
   *
   * @returns items.length x width
   */
  meansWithout(items: Int32Array, users: readonly number[], own: ReadonlySet<number>): Float32Array {
    const width = this.#width;
    const out = new Float32Array(items.length * width);
    for (const user of users) this.#without[user] = 1;
    items.forEach((item, i) => {
      if (item >= 0 && own.has(item) && this.#hasAny(item)) {
        this.#write(item, out, i * width, (user) => this.#without[user] === 0);
      } else out.set(this.#means.subarray((item + 1) * width, (item + 2) * width), i * width);
    });
    for (const user of users) this.#without[user] = 0;
    return out;
  }

  /** Means of random parts of the lists, some users left out of all. @param keep chance of a user to stay */
  sampledWithout(items: readonly number[], users: readonly number[], keep: number, random: Random): Float32Array {
    const out = new Float32Array(items.length * this.#width);
    for (const user of users) this.#without[user] = 1;
    items.forEach((item, i) => {
      this.#write(item, out, i * this.#width, (user) => this.#without[user] === 0 && random.next() < keep);
    });
    for (const user of users) this.#without[user] = 0;
    return out;
  }

  /** True where a user that is left out is in the item's list. */
  #hasAny(item: number): boolean {
    for (let i = 0; i < this.#counts[item]!; i++)
      if (this.#without[this.#lists[item * LONGEST + i]!] === 1) return true;
    return false;
  }

  #write(item: number, out: Float32Array, at: number, wanted: (user: number, place: number) => boolean): void {
    const width = this.#width;
    let count = 0;
    for (let i = 0; i < this.#counts[item]!; i++) {
      const user = this.#lists[item * LONGEST + i]!;
      if (!wanted(user, i)) continue;
      const row = (user + 1) * width;
      if (count++ === 0) out.fill(0, at, at + width);
      for (let d = 0; d < width; d++) out[at + d]! += this.#table[row + d]!;
    }
    if (count === 0) out.set(this.#table.subarray(0, width), at);
    else for (let d = 0; d < width; d++) out[at + d]! /= count;
  }
}
