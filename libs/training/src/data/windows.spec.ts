import { Random, type HistoryTable } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import { bucketOf, epochSteps, eventWindows, windowsByLength, windowsOf, WindowTable } from './windows';

/** User 0: 5 events, user 1: none, user 2: 2 events. */
const HISTORIES: HistoryTable = {
  userCount: 3,
  itemCount: 7,
  offsets: Uint32Array.of(0, 5, 5, 7),
  itemRows: Uint32Array.of(0, 1, 2, 3, 4, 5, 6),
  timesMs: new Float64Array(7),
  weights: new Float32Array(7).fill(1),
};

describe('windows', () => {
  it('are the newest stretches of each user, the oldest one shorter', () => {
    expect([...windowsOf(HISTORIES, 2, 1)]).toEqual([
      { user: 0, from: 3, to: 5 },
      { user: 2, from: 5, to: 7 },
    ]);
    expect([...windowsOf(HISTORIES, 2, 9)]).toEqual([
      { user: 0, from: 3, to: 5 },
      { user: 0, from: 1, to: 3 },
      { user: 0, from: 0, to: 1 },
      { user: 2, from: 5, to: 7 },
    ]);
  });

  it('are every event where only one is predicted at a time', () => {
    expect(Array.from(eventWindows(HISTORIES), ({ user, from, to }) => [user, from, to])).toEqual([
      [0, 0, 1],
      [0, 1, 2],
      [0, 2, 3],
      [0, 3, 4],
      [0, 4, 5],
      [2, 5, 6],
      [2, 6, 7],
    ]);
  });

  it('are padded to a few lengths', () => {
    expect([1, 25, 26, 50, 75, 76, 150, 151, 200, 300].map((targets) => bucketOf(targets, 200))).toEqual([
      25, 25, 50, 50, 75, 100, 150, 200, 200, 200,
    ]);
    expect([1, 2, 3].map((targets) => bucketOf(targets, 3))).toEqual([1, 2, 3]);
  });
});

describe('an epoch', () => {
  const users = Uint32Array.from({ length: 50 }, (_, user) => user);
  const ends = users.map((user) => 1 + (user % 3));
  const windows = new WindowTable(users, new Uint32Array(50), ends);
  const steps = (seed: number) => [
    ...epochSteps(
      windows,
      (targets) => targets,
      (length) => 6 / length,
      new Random(seed),
    ),
  ];

  it('has every window once, with others of its length, no step fuller than it may be', () => {
    const all = steps(1).flatMap((step) => {
      expect(step.windows.length).toBeLessThanOrEqual(6 / step.length);
      for (const { from, to } of step.windows) expect(to - from).toBe(step.length);
      return step.windows.map(({ user }) => user);
    });
    expect(all.sort((a, b) => a - b)).toEqual([...users]);
    const byLength = windowsByLength(windows, (targets) => targets);
    expect([...byLength].sort()).toEqual([
      [1, 17],
      [2, 17],
      [3, 16],
    ]);
    expect(steps(1).length).toBe(Math.ceil(17 / 6) + Math.ceil(17 / 3) + 16 / 2);
  });

  it('is the same for the same random numbers, and another for others', () => {
    expect(steps(1)).toEqual(steps(1));
    expect(steps(2)).not.toEqual(steps(1));
  });
});
