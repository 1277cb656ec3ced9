import { Random, type HistoryTable } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import { holdOutForValidation } from './validation';

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

describe('holdOutForValidation', () => {
  it('holds nothing out for a share of 0', () => {
    const all = histories();
    const { histories: train, validationUsers } = holdOutForValidation(all, 0, 1);
    expect([train.itemRows, validationUsers.length]).toEqual([all.itemRows, 0]);
  });

  it('holds out the last event left of a seeded sample of users', () => {
    const all = histories();
    const { validationUsers, validationItems, histories: train } = holdOutForValidation(all, 0.2, 1);
    expect(validationUsers.length).toBeGreaterThan(10);
    expect(validationUsers.length).toBeLessThanOrEqual(20);
    validationUsers.forEach((user, i) => {
      expect(validationItems[i]).toBe(all.offsets[user + 1]! - 1);
      expect(train.offsets[user + 1]! - train.offsets[user]!).toBe(all.offsets[user + 1]! - all.offsets[user]! - 1);
    });
    expect(holdOutForValidation(all, 0.2, 1).validationUsers).toEqual(validationUsers);
    expect(holdOutForValidation(all, 0.2, 2).validationUsers).not.toEqual(validationUsers);
  });
});
