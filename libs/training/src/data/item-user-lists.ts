import { usersOfItems, type HistoryTable, type Random } from '@mic/domain';

/** Users of an item that are averaged. */
const LONGEST = 50;
/** First users of a new item that its list may have. */
export const NEW_ITEM_USERS = 10;

/** The users of a list whose mean was given; the gradient of the mean is shared out among them. */
export interface ShortList {
  /** Of the mean among those that were asked for. */
  readonly place: number;
  readonly users: Uint32Array;
}

/**
 * The mean id row of users of each item, a feature whose gradient only the short lists of new items take: rows are those of the last `refresh`, which also
 * draws a random sample of the users of popular items. A target must not be told by its list: of a target the users that it
 * is the target of are left out, of every other item one user drawn at random, so that both look alike. An item that plays
 * a new one has a random number of users, 0 to 10, whoever it is: otherwise a short list would say that it is unpopular.
 */
export class ItemUserLists {
  readonly #width: number;
  readonly #offsets: Uint32Array;
  readonly #users: Uint32Array;
  readonly #lists: Uint32Array;
  readonly #counts: Uint8Array;
  readonly #means: Float32Array;
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
   * The means of some items (-1: the mask row); the users in `targetOf`, by item, are left out of the item's list.
   *
   * @param asNew places of items that play new ones.
   * @returns items.length x width, and who is in the lists of the items that play new ones.
   */
  meansWithout(
    items: Int32Array,
    targetOf: ReadonlyMap<number, readonly number[]>,
    asNew: (place: number) => boolean,
    random: Random,
  ): { readonly means: Float32Array; readonly shortLists: ShortList[] } {
    const width = this.#width;
    const out = new Float32Array(items.length * width);
    const shortLists: ShortList[] = [];
    items.forEach((item, i) => {
      const users = targetOf.get(item);
      const isTarget = users !== undefined && this.#hasAny(item, users);
      if (item >= 0 && asNew(i)) {
        const left = isTarget ? -1 : random.below(Math.max(1, this.#counts[item]!));
        const wanted = (user: number, place: number): boolean => place !== left && !users?.includes(user);
        shortLists.push({ place: i, users: this.#writeFew(item, out, i * width, wanted, random) });
      } else if (isTarget) this.#write(item, out, i * width, (user) => !users.includes(user));
      else out.set(this.#means.subarray((item + 1) * width, (item + 2) * width), i * width);
    });
    return { means: out, shortLists };
  }

  /**
   * Means of random parts of the lists.
   *
   * @param users left out of the list at the same place.
   * @param keep chance to stay.
   * @param asNew places of items that play new ones.
   */
  sampledWithout(
    items: readonly number[],
    users: readonly number[],
    keep: number,
    asNew: (place: number) => boolean,
    random: Random,
  ): Float32Array {
    const out = new Float32Array(items.length * this.#width);
    items.forEach((item, i) => {
      const at = i * this.#width;
      if (asNew(i)) this.#writeFew(item, out, at, (user) => user !== users[i], random);
      else this.#write(item, out, at, (user) => user !== users[i] && random.next() < keep);
    });
    return out;
  }

  #hasAny(item: number, users: readonly number[]): boolean {
    return this.#lists
      .subarray(item * LONGEST, item * LONGEST + this.#counts[item]!)
      .some((user) => users.includes(user));
  }

  /** The mean of 0 to 10 of those that are wanted, drawn at random. @returns those */
  #writeFew(
    item: number,
    out: Float32Array,
    at: number,
    wanted: (user: number, place: number) => boolean,
    random: Random,
  ): Uint32Array {
    const places = Uint32Array.from({ length: this.#counts[item]! }, (_, place) => place).filter((place) =>
      wanted(this.#lists[item * LONGEST + place]!, place),
    );
    random.shuffle(places);
    const few = places.subarray(0, random.below(NEW_ITEM_USERS + 1));
    this.#write(item, out, at, (_, place) => few.includes(place));
    return few.map((place) => this.#lists[item * LONGEST + place]!);
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
