import { NO_ROW, Random, type HistoryTable } from '@mic/domain';
import type { TestCase } from './test-case';

/**
 * What is held out. leave-one-out: every user's last event. sampled-last: that of every tenth user, for models that go live
 * and should know the others' newest events (ours). time: everything from a moment on. user-split: every tenth user, whose
 * first 80 % of events predict the last 20 % (ComiRec, Cen et al., KDD 2020).
 */
export const TEST_PROTOCOLS = ['leave-one-out', 'sampled-last', 'time', 'user-split'] as const;
export type TestProtocol = (typeof TEST_PROTOCOLS)[number];

/** Protocols that hold out last events: those under which a release can tell its quality. */
export const LAST_EVENT_PROTOCOLS = ['leave-one-out', 'sampled-last'] as const satisfies readonly TestProtocol[];
export type LastEventProtocol = (typeof LAST_EVENT_PROTOCOLS)[number];

export function isLastEventProtocol(protocol: string): protocol is LastEventProtocol {
  return (LAST_EVENT_PROTOCOLS as readonly string[]).includes(protocol);
}

/** A dataset divided by a protocol. */
export interface Split {
  /** Events that training may see. */
  readonly train: HistoryTable;
  /** Histories that the tested users are encoded from. */
  readonly known: HistoryTable;
  readonly cases: readonly TestCase[];
}

/**
 * @param userIds decide which users `sampled-last` and `user-split` test, whatever else is in the dataset.
 * @param cutMs first moment that `time` holds out; others ignore it.
 */
export function splitBy(
  protocol: TestProtocol,
  histories: HistoryTable,
  userIds: readonly string[],
  cutMs: number,
): Split {
  switch (protocol) {
    case 'leave-one-out':
    case 'sampled-last': {
      const tested = Uint32Array.from(userIds.keys()).filter((user) => isTestUser(userIds[user]!));
      const { train, test } = leaveOneOut(histories, protocol === 'sampled-last' ? tested : undefined);
      return { train, known: train, cases: casesOf(test) };
    }
    case 'time': {
      const ends = endsBefore(histories, cutMs);
      const train = withEnds(histories, ends);
      return { train, known: train, cases: remainders(histories, ends) };
    }
    case 'user-split':
      return splitByUser(histories, userIds);
  }
}

/** Histories with one event of some users taken out. */
export interface HeldOut {
  readonly train: HistoryTable;
  /** By user row: the item row of the user's held-out event, NO_ROW where none was taken. */
  readonly test: Uint32Array;
}

/**
 * Holds out the last event of each user with at least two (of all users, or of those that are named): the others keep
 * theirs. Applied again to `train`, with a sample of users, it holds out their last but one event: the validation event.
 * Histories are ordered, ties in file order, so that the last event is the last one of the table.
 */
export function leaveOneOut(histories: HistoryTable, users?: Uint32Array): HeldOut {
  const { userCount, offsets } = histories;
  const chosen = new Uint8Array(userCount).fill(users ? 0 : 1);
  for (const user of users ?? []) chosen[user] = 1;
  const test = new Uint32Array(userCount).fill(NO_ROW);
  const ends = offsets.slice(1);
  for (let user = 0; user < userCount; user++) {
    if (chosen[user] === 0 || ends[user]! - offsets[user]! < 2) continue;
    test[user] = histories.itemRows[--ends[user]!]!;
  }
  return { train: withEnds(histories, ends), test };
}

/** One case for each user with a held-out item. */
export function casesOf(test: Uint32Array): TestCase[] {
  const cases: TestCase[] = [];
  test.forEach((item, user) => {
    if (item !== NO_ROW) cases.push({ user, relevant: Uint32Array.of(item) });
  });
  return cases;
}

/** The seeded sample of at most `most` cases, in their order. */
export function sampleCases(cases: readonly TestCase[], most: number, seed: number): readonly TestCase[] {
  if (cases.length <= most) return cases;
  const order = Uint32Array.from(cases.keys());
  new Random(seed).shuffle(order);
  return Array.from(order.slice(0, most).sort(), (i) => cases[i]!);
}

/** End of each user's history (an index of events) as it stood at a moment. */
export function endsBefore({ userCount, offsets, timesMs }: HistoryTable, cutMs: number): Uint32Array {
  const ends = new Uint32Array(userCount);
  for (let user = 0; user < userCount; user++) {
    let end = offsets[user + 1]!;
    while (end > offsets[user]! && timesMs[end - 1]! >= cutMs) end--;
    ends[user] = end;
  }
  return ends;
}

/** Histories up to an end for each user. */
export function withEnds(histories: HistoryTable, ends: Uint32Array): HistoryTable {
  const { userCount, itemCount, offsets } = histories;
  const starts = new Uint32Array(userCount + 1);
  for (let user = 0; user < userCount; user++) starts[user + 1] = starts[user]! + ends[user]! - offsets[user]!;
  const total = starts[userCount]!;
  const cut: HistoryTable = {
    userCount,
    itemCount,
    offsets: starts,
    itemRows: new Uint32Array(total),
    timesMs: new Float64Array(total),
    weights: new Float32Array(total),
  };
  for (let user = 0; user < userCount; user++) {
    const [from, to] = [offsets[user]!, ends[user]!];
    cut.itemRows.set(histories.itemRows.subarray(from, to), starts[user]);
    cut.timesMs.set(histories.timesMs.subarray(from, to), starts[user]);
    cut.weights.set(histories.weights.subarray(from, to), starts[user]);
  }
  return cut;
}

/** Histories without the events of some items. */
export function withoutItems(histories: HistoryTable, items: ReadonlySet<number>): HistoryTable {
  const { userCount, offsets, itemRows } = histories;
  const keep = Uint8Array.from(itemRows, (item) => Number(!items.has(item)));
  const starts = new Uint32Array(userCount + 1);
  for (let user = 0; user < userCount; user++) {
    let kept = 0;
    for (let event = offsets[user]!; event < offsets[user + 1]!; event++) kept += keep[event]!;
    starts[user + 1] = starts[user]! + kept;
  }
  const isKept = (_: number, event: number): boolean => keep[event] === 1;
  return {
    ...histories,
    offsets: starts,
    itemRows: itemRows.filter(isKept),
    timesMs: histories.timesMs.filter(isKept),
    weights: histories.weights.filter(isKept),
  };
}

/** A case for each user with events from `ends` on: their distinct items, oldest first. */
function remainders({ userCount, offsets, itemRows }: HistoryTable, ends: Uint32Array): TestCase[] {
  const cases: TestCase[] = [];
  for (let user = 0; user < userCount; user++) {
    const relevant = new Set(itemRows.subarray(ends[user], offsets[user + 1]));
    if (relevant.size > 0) cases.push({ user, relevant: Uint32Array.from(relevant) });
  }
  return cases;
}

/** Share of a tested user's events that are known. */
const KNOWN_SHARE = 0.8;
/** Fewer events are not divided. */
const FEWEST_EVENTS = 5;

function splitByUser(histories: HistoryTable, userIds: readonly string[]): Split {
  const { userCount, offsets } = histories;
  const trainEnds = offsets.slice(1);
  const knownEnds = offsets.slice(1);
  for (let user = 0; user < userCount; user++) {
    if (!isTestUser(userIds[user]!)) continue;
    const [from, to] = [offsets[user]!, offsets[user + 1]!];
    trainEnds[user] = from;
    if (to - from >= FEWEST_EVENTS) knownEnds[user] = from + Math.floor((to - from) * KNOWN_SHARE);
  }
  return {
    train: withEnds(histories, trainEnds),
    known: withEnds(histories, knownEnds),
    cases: remainders(histories, knownEnds),
  };
}

/** True for one id in ten, by a hash of the id (FNV-1a). */
function isTestUser(id: string): boolean {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  return ((hash ^ (hash >>> 13)) >>> 0) % 10 === 0;
}
