import { usersOfItems, type HistoryTable, type Random } from '@mic/domain';

/** Users of an item that are averaged. */
const LONGEST = 50;

/**
 * The mean id row of users of each item. Popular items have a random sample of their users, drawn anew by `refresh`. The
 * means are features: gradients reach the rows through the user tower only.
 */
export class ItemUserLists {
  readonly #width: number;
  readonly #offsets: Uint32Array;
  readonly #users: Uint32Array;
  readonly #lists: Uint32Array;
  readonly #counts: Uint8Array;
  readonly #means: Float32Array;
  readonly #without: Uint8Array;

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

  /**
   * Draws the lists and computes their means from the user table, whose row 0 is the mask row: the mean of an item
   * without users.
   */
  refresh(userTable: Float32Array, random: Random): void {
    const items = this.#counts.length;
    for (let item = 0; item < items; item++) {
      const from = this.#offsets[item]!;
      const count = this.#offsets[item + 1]! - from;
      const kept = Math.min(count, LONGEST);
      for (let i = 0; i < kept; i++) {
        const pick = count <= LONGEST ? i : random.below(count);
        this.#lists[item * LONGEST + i] = this.#users[from + pick]!;
      }
      this.#counts[item] = kept;
      this.#write(item, userTable, this.#means, (item + 1) * this.#width, () => true);
    }
    this.#means.set(userTable.subarray(0, this.#width));
  }

  /** Means by table row (item row + 1; row 0 has the mask row). */
  get means(): Float32Array {
    return this.#means;
  }

  /**
   * The means of some items (-1: the mask row), with some users left out of those of the items `own`: nobody may find a
   * user by his own row.
   *
   * @returns items.length x width
   */
  meansWithout(
    items: Int32Array,
    users: readonly number[],
    own: ReadonlySet<number>,
    userTable: Float32Array,
  ): Float32Array {
    const width = this.#width;
    const out = new Float32Array(items.length * width);
    for (const user of users) this.#without[user] = 1;
    items.forEach((item, i) => {
      if (own.has(item)) this.#write(item, userTable, out, i * width, (user) => this.#without[user] === 0);
      else out.set(this.#means.subarray((item + 1) * width, (item + 2) * width), i * width);
    });
    for (const user of users) this.#without[user] = 0;
    return out;
  }

  /** As meansWithout for every item, of random parts of their lists. @param keep chance of a user to stay */
  sampledWithout(
    items: readonly number[],
    users: readonly number[],
    keep: number,
    random: Random,
    userTable: Float32Array,
  ): Float32Array {
    const out = new Float32Array(items.length * this.#width);
    for (const user of users) this.#without[user] = 1;
    items.forEach((item, i) => {
      this.#write(item, userTable, out, i * this.#width, (user) => this.#without[user] === 0 && random.next() < keep);
    });
    for (const user of users) this.#without[user] = 0;
    return out;
  }

  #write(item: number, table: Float32Array, out: Float32Array, at: number, wanted: (user: number) => boolean): void {
    const width = this.#width;
    out.fill(0, at, at + width);
    let count = 0;
    for (let i = 0; i < this.#counts[item]!; i++) {
      const user = this.#lists[item * LONGEST + i]!;
      if (!wanted(user)) continue;
      count++;
      const row = (user + 1) * width;
      for (let d = 0; d < width; d++) out[at + d]! += table[row + d]!;
    }
    if (count === 0) out.set(table.subarray(0, width), at);
    else for (let d = 0; d < width; d++) out[at + d]! /= count;
  }
}
