import { NO_ROW, type HistoryTable } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import { GrowingHistories, liveCases } from './growing-histories';
import { endsBefore, leaveOneOut, sampleCases, splitBy, withoutItems } from './split';

const HISTORIES: HistoryTable = {
  userCount: 3,
  itemCount: 4,
  offsets: Uint32Array.of(0, 3, 4, 6),
  itemRows: Uint32Array.of(0, 1, 2, 3, 1, 0),
  timesMs: Float64Array.of(1, 2, 3, 1, 5, 5),
  weights: Float32Array.of(1, 1, 2, 1, 1, 1),
};

describe('leaveOneOut', () => {
  it('takes the last event of users with two or more', () => {
    const { train, test } = leaveOneOut(HISTORIES);
    expect([...test]).toEqual([2, NO_ROW, 0]);
    expect([...train.offsets]).toEqual([0, 2, 3, 4]);
    expect([...train.itemRows]).toEqual([0, 1, 3, 1]);
    expect([...train.timesMs]).toEqual([1, 2, 1, 5]);
    expect([...train.weights]).toEqual([1, 1, 1, 1]);
  });

  it('leaves users alone that are not named', () => {
    const { train, test } = leaveOneOut(HISTORIES, Uint32Array.of(2));
    expect([...test]).toEqual([NO_ROW, NO_ROW, 0]);
    expect([...train.offsets]).toEqual([0, 3, 4, 5]);
  });

  it('holds out the last but one event when it is applied twice', () => {
    const { train, test } = leaveOneOut(leaveOneOut(HISTORIES).train, Uint32Array.of(0, 2));
    expect([...test]).toEqual([1, NO_ROW, NO_ROW]); // user 2 has one event left
    expect([...train.offsets]).toEqual([0, 1, 2, 3]);
    expect([...train.itemRows]).toEqual([0, 3, 1]);
  });

  it('copes with users without events', () => {
    const empty = { ...HISTORIES, userCount: 1, offsets: Uint32Array.of(0, 0), itemRows: new Uint32Array(0) };
    const { train, test } = leaveOneOut({ ...empty, timesMs: new Float64Array(0), weights: new Float32Array(0) });
    expect([[...test], [...train.offsets]]).toEqual([[NO_ROW], [0, 0]]);
  });
});

const plain = (cases: Iterable<{ user: number; relevant: Uint32Array }>) =>
  Array.from(cases, ({ user, relevant }) => [user, ...relevant]);
const rowsOf = ({ offsets, itemRows }: HistoryTable) =>
  Array.from(offsets.subarray(1), (end, user) => [...itemRows.subarray(offsets[user], end)]);

describe('splitBy', () => {
  it('leave-one-out asks for every last event', () => {
    const { train, known, cases } = splitBy('leave-one-out', HISTORIES, [], 0);
    expect(rowsOf(train)).toEqual([[0, 1], [3], [1]]);
    expect(known).toBe(train);
    expect(plain(cases)).toEqual([
      [0, 2],
      [2, 0],
    ]);
  });

  it('sampled-last asks for the last events of every tenth user, the same ones in any dataset', () => {
    const userCount = 2_000;
    const ids = Array.from({ length: userCount }, (_, i) => `user-${i}`);
    const offsets = Uint32Array.from({ length: userCount + 1 }, (_, i) => 2 * i);
    const itemRows = Uint32Array.from({ length: 2 * userCount }, (_, i) => i % 2);
    const times = new Float64Array(2 * userCount);
    const table = {
      userCount,
      itemCount: 2,
      offsets,
      itemRows,
      timesMs: times,
      weights: new Float32Array(times.length),
    };
    const { train, known, cases } = splitBy('sampled-last', table, ids, 0);
    expect(known).toBe(train);
    expect(cases.length).toBeGreaterThan(150);
    expect(cases.length).toBeLessThan(250);
    expect(cases.every(({ relevant }) => relevant[0] === 1)).toBe(true);
    expect(train.itemRows.length).toBe(2 * userCount - cases.length);
    const half = { ...table, userCount: 1_000, offsets: offsets.slice(0, 1_001) };
    const testedOf = (some: typeof cases): number[] => some.map(({ user }) => user).filter((user) => user < 1_000);
    expect(testedOf(splitBy('sampled-last', half, ids, 0).cases)).toEqual(testedOf(cases));
  });

  it('time asks for everything from the cut on, repeated items once', () => {
    const { train, cases } = splitBy('time', { ...HISTORIES, itemRows: Uint32Array.of(0, 1, 1, 3, 1, 1) }, [], 2);
    expect(rowsOf(train)).toEqual([[0], [3], []]);
    expect(plain(cases)).toEqual([
      [0, 1],
      [2, 1],
    ]);
  });

  it('user-split trains without the tested users, whose first 80 % predict the rest', () => {
    const users = 400;
    const length = 7;
    const total = users * length;
    const table: HistoryTable = {
      userCount: users,
      itemCount: length,
      offsets: Uint32Array.from({ length: users + 1 }, (_, user) => user * length),
      itemRows: Uint32Array.from({ length: total }, (_, event) => event % length),
      timesMs: new Float64Array(total),
      weights: new Float32Array(total),
    };
    const ids = Array.from({ length: users }, (_, user) => `user ${user}`);
    const { train, known, cases } = splitBy('user-split', table, ids, 0);
    expect(cases.length).toBeGreaterThan(20);
    expect(cases.length).toBeLessThan(60);
    for (const { user, relevant } of cases) {
      expect(train.offsets[user + 1]).toBe(train.offsets[user]);
      expect([...relevant]).toEqual([5, 6]);
    }
    const tested = new Set(cases.map(({ user }) => user));
    rowsOf(known).forEach((rows, user) => {
      expect(rows.length).toBe(tested.has(user) ? 5 : 7);
    });
    // the same users whatever else is in the dataset
    const half = splitBy('user-split', { ...table, userCount: 200, offsets: table.offsets.slice(0, 201) }, ids, 0);
    expect(half.cases.map(({ user }) => user)).toEqual([...tested].filter((user) => user < 200));
  });
});

describe('live histories', () => {
  it('grow in the order of time; a case sees what was before it', () => {
    // events from time 2 on: user 0: item 1 (2), item 2 (3); user 2: item 1 (5), item 0 (5)
    const histories = new GrowingHistories(HISTORIES, endsBefore(HISTORIES, 2));
    const known: number[][] = [];
    const cases = liveCases(histories, new Set([1, 2, 5]));
    for (const { user } of cases) known.push([user, ...histories.itemsOf(user)]);
    expect(known).toEqual([
      [0, 0],
      [0, 0, 1],
      [2, 1],
    ]);
    expect([...histories.itemsOf(2)]).toEqual([1, 0]);
  });
});

describe('withoutItems', () => {
  it('drops their events', () => {
    expect(rowsOf(withoutItems(HISTORIES, new Set([1, 3])))).toEqual([[0, 2], [], [0]]);
  });
});

describe('sampleCases', () => {
  it('is seeded, and keeps the order', () => {
    const cases = Array.from({ length: 50 }, (_, user) => ({ user, relevant: Uint32Array.of(1) }));
    const users = sampleCases(cases, 10, 1).map(({ user }) => user);
    expect(users.length).toBe(10);
    expect(users).toEqual([...users].sort((a, b) => a - b));
    expect(sampleCases(cases, 10, 1).map(({ user }) => user)).toEqual(users);
    expect(sampleCases(cases, 10, 2).map(({ user }) => user)).not.toEqual(users);
    expect(sampleCases(cases, 50, 1)).toBe(cases);
  });
});
