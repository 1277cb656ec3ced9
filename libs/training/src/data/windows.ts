import type { HistoryTable, Random } from '@mic/domain';

/**
 * A stretch of a user's history that is trained on: the events [from, to) are targets, each predicted from the events
 * before it. Its slots are as many; the last one stands before event to - 1.
 */
export interface Window {
  readonly user: number;
  readonly from: number;
  readonly to: number;
}

/** Windows of one step, all with at most `length` slots. */
export interface StepWindows {
  readonly length: number;
  readonly windows: readonly Window[];
}

/** Lengths that windows are padded to, as shares of the longest: a graph is made for each that occurs. */
const BUCKETS = [1 / 8, 1 / 4, 3 / 8, 1 / 2, 3 / 4, 1] as const;

/** Windows column by column: a dataset has as many as events where each is a window of its own. */
export class WindowTable implements Iterable<Window> {
  readonly #users: Uint32Array;
  readonly #from: Uint32Array;
  readonly #to: Uint32Array;

  constructor(users: Uint32Array, from: Uint32Array, to: Uint32Array) {
    this.#users = users;
    this.#from = from;
    this.#to = to;
  }

  get length(): number {
    return this.#users.length;
  }

  at(i: number): Window {
    return { user: this.#users[i]!, from: this.#from[i]!, to: this.#to[i]! };
  }

  /** Targets of window i. */
  targets(i: number): number {
    return this.#to[i]! - this.#from[i]!;
  }

  *[Symbol.iterator](): Generator<Window> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }
}

/** Newest first, up to `windows` stretches of at most `length` targets for each user. */
export function windowsOf(histories: HistoryTable, length: number, windows: number): WindowTable {
  const columns: [number[], number[], number[]] = [[], [], []];
  for (let user = 0; user < histories.userCount; user++) {
    const start = histories.offsets[user]!;
    let to = histories.offsets[user + 1]!;
    for (let made = 0; made < windows && to > start; made++) {
      const from = Math.max(start, to - length);
      columns[0].push(user);
      columns[1].push(from);
      columns[2].push(to);
      to = from;
    }
  }
  const [users, from, to] = columns.map((column) => Uint32Array.from(column));
  return new WindowTable(users!, from!, to!);
}

/** Every event as a window of one target. */
export function eventWindows({ userCount, offsets, itemRows }: HistoryTable): WindowTable {
  const users = new Uint32Array(itemRows.length);
  for (let user = 0; user < userCount; user++) users.fill(user, offsets[user], offsets[user + 1]);
  const from = Uint32Array.from(users.keys());
  return new WindowTable(
    users,
    from,
    from.map((event) => event + 1),
  );
}

/** The length that a window of so many targets is padded to. */
export function bucketOf(targets: number, longest: number): number {
  for (const share of BUCKETS) {
    const length = Math.ceil(longest * share);
    if (targets <= length) return length;
  }
  return longest;
}

/** Windows of each length that occurs. */
export function windowsByLength(windows: WindowTable, lengthOf: (targets: number) => number): Map<number, number> {
  const counts = new Map<number, number>();
  for (let i = 0; i < windows.length; i++) {
    const length = lengthOf(windows.targets(i));
    counts.set(length, (counts.get(length) ?? 0) + 1);
  }
  return counts;
}

/**
 * The steps of one epoch: windows in random order, each gathered with others of its length until there are enough for a
 * step; what is left over comes last.
 *
 * @param lengthOf length that a window of so many targets is padded to.
 * @param usersOf windows of a step, by length.
 */
export function* epochSteps(
  windows: WindowTable,
  lengthOf: (targets: number) => number,
  usersOf: (length: number) => number,
  random: Random,
): Generator<StepWindows> {
  const order = Uint32Array.from({ length: windows.length }, (_, i) => i);
  random.shuffle(order);
  const open = new Map<number, Window[]>();
  for (const i of order) {
    const length = lengthOf(windows.targets(i));
    let group = open.get(length);
    if (!group) open.set(length, (group = []));
    group.push(windows.at(i));
    if (group.length < usersOf(length)) continue;
    open.delete(length);
    yield { length, windows: group };
  }
  for (const [length, group] of open) yield { length, windows: group };
}
