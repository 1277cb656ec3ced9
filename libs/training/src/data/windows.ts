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

/** Newest first, up to `windows` stretches of at most `length` targets for each user. */
export function windowsOf(histories: HistoryTable, length: number, windows: number): Window[] {
  const all: Window[] = [];
  for (let user = 0; user < histories.userCount; user++) {
    const start = histories.offsets[user]!;
    let to = histories.offsets[user + 1]!;
    for (let made = 0; made < windows && to > start; made++) {
      const from = Math.max(start, to - length);
      all.push({ user, from, to });
      to = from;
    }
  }
  return all;
}

/** Every event as a window of one target. */
export function eventWindows(histories: HistoryTable): Window[] {
  const all: Window[] = [];
  for (let user = 0; user < histories.userCount; user++) {
    for (let event = histories.offsets[user]!; event < histories.offsets[user + 1]!; event++) {
      all.push({ user, from: event, to: event + 1 });
    }
  }
  return all;
}

/** The length that a window of so many targets is padded to. */
export function bucketOf(targets: number, longest: number): number {
  for (const share of BUCKETS) {
    const length = Math.ceil(longest * share);
    if (targets <= length) return length;
  }
  return longest;
}

/**
 * The steps of one epoch: windows in random order, gathered with others of their length, the groups in random order.
 *
 * @param usersOf windows of a step, by length.
 */
export function epochSteps(
  windows: readonly Window[],
  lengthOf: (window: Window) => number,
  usersOf: (length: number) => number,
  random: Random,
): StepWindows[] {
  const order = Uint32Array.from(windows, (_, i) => i);
  random.shuffle(order);
  const open = new Map<number, Window[]>();
  const steps: StepWindows[] = [];
  for (const i of order) {
    const window = windows[i]!;
    const length = lengthOf(window);
    const group = open.get(length) ?? [];
    group.push(window);
    if (group.length === usersOf(length)) {
      steps.push({ length, windows: group });
      open.delete(length);
    } else open.set(length, group);
  }
  for (const [length, group] of open) steps.push({ length, windows: group });
  const places = Uint32Array.from(steps, (_, i) => i);
  random.shuffle(places);
  return Array.from(places, (i) => steps[i]!);
}
