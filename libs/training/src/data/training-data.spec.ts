import { Random, type HistoryTable } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import { splitForTraining } from './training-data';
import { parseTrainingConfig } from '../config/parse-config';

/** 100 users with 2 to 6 events; every event is of an item of its own, so that an item tells its event. */
function histories(): HistoryTable {
  const random = new Random(3);
  const offsets = new Uint32Array(101);
  for (let user = 0; user < 100; user++) offsets[user + 1] = offsets[user]! + 2 + random.below(5);
  const events = offsets[100]!;
  const itemRows = Uint32Array.from({ length: events }, (_, i) => i);
  return {
    userCount: 100,
    itemCount: events,
    offsets,
    itemRows,
    timesMs: new Float64Array(events),
    weights: new Float32Array(events).fill(1),
  };
}

const CONFIG = parseTrainingConfig({ loop: { validationShare: 0.2 } });

describe('splitForTraining', () => {
  it('hides the last event of every user under leave-one-out, and nothing under none', () => {
    const all = histories();
    const last = Array.from({ length: 100 }, (_, user) => all.offsets[user + 1]! - 1);
    const hidden = splitForTraining(all, 'leave-one-out', CONFIG, 1);
    const visible = new Set([...hidden.histories.itemRows, ...hidden.validationItems]);
    expect(last.some((event) => visible.has(event))).toBe(false);
    expect(visible.size).toBe(all.itemRows.length - 100);
    const open = splitForTraining(all, 'none', CONFIG, 1);
    expect(new Set([...open.histories.itemRows, ...open.validationItems]).size).toBe(all.itemRows.length);
  });

  it('holds out the last event left of a seeded sample of users', () => {
    const all = histories();
    const { validationUsers, validationItems, histories: train } = splitForTraining(all, 'none', CONFIG, 1);
    expect(validationUsers.length).toBeGreaterThan(10);
    expect(validationUsers.length).toBeLessThanOrEqual(20);
    validationUsers.forEach((user, i) => {
      expect(validationItems[i]).toBe(all.offsets[user + 1]! - 1);
      expect(train.offsets[user + 1]! - train.offsets[user]!).toBe(all.offsets[user + 1]! - all.offsets[user]! - 1);
    });
    expect(splitForTraining(all, 'none', CONFIG, 1).validationUsers).toEqual(validationUsers);
    expect(splitForTraining(all, 'none', CONFIG, 2).validationUsers).not.toEqual(validationUsers);
  });
});
