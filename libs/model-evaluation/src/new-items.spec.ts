import type { HistoryTable } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import { newItemPlacer, untrainedItems } from './new-items';

/** Two users at (1, 0) and (0.6, 0.8); user 0 has had items 0 and 1, user 1 items 1 and 2. */
const histories: HistoryTable = {
  userCount: 2,
  itemCount: 4,
  offsets: Uint32Array.of(0, 2, 4),
  itemRows: Uint32Array.of(0, 1, 1, 2),
  timesMs: new Float64Array(4),
  weights: new Float32Array(4).fill(1),
};
const userMeans = Float32Array.of(1, 0, 0.6, 0.8);
const itemVectors = Float32Array.of(0, 1, 0, 1, 0, 1, 0, 1);
const place = (isNew: number[], fieldsAlone: number, withUsers: number): number[] => [
  ...newItemPlacer({ itemVectors, isNew: Uint8Array.from(isNew), histories, userMeans, dimension: 2 })({
    fieldsAlone,
    withUsers,
  }),
];
/** The mean user: (1.6, 0.8) / |..|. */
const MEAN = [2 / Math.sqrt(5), 1 / Math.sqrt(5)] as const;

describe('newItemPlacer', () => {
  it('leaves items alone that training has seen', () => {
    const none = newItemPlacer({ itemVectors, isNew: new Uint8Array(4), histories, userMeans, dimension: 2 });
    expect(none({ fieldsAlone: 0.5, withUsers: 0.5 })).toBe(itemVectors);
    expect(place([0, 0, 1, 0], 0.5, 0.5).slice(0, 4)).toEqual([0, 1, 0, 1]);
  });

  it('puts a new item where its users are', () => {
    const placed = place([0, 1, 1, 0], 0, 0);
    [...MEAN, 0.6, 0.8].forEach((value, i) => {
      expect(placed[2 + i]).toBeCloseTo(value, 6);
    });
  });

  it('changes nothing of what it was given, and places again by other shifts', () => {
    const place = newItemPlacer({ itemVectors, isNew: Uint8Array.of(0, 1, 0, 1), histories, userMeans, dimension: 2 });
    const first = place({ fieldsAlone: 0.3, withUsers: 0.3 });
    expect(place({ fieldsAlone: 0, withUsers: 0 })).not.toEqual(first);
    expect(place({ fieldsAlone: 0.3, withUsers: 0.3 })).toEqual(first);
    expect([...itemVectors]).toEqual([0, 1, 0, 1, 0, 1, 0, 1]);
  });

  it('moves it away from the mean user by the shift, and one without users by its own', () => {
    const placed = place([0, 0, 1, 1], -0.5, 0.25);
    const moved = (x: number, y: number, shift: number): number[] => {
      const [a, b] = [x - shift * MEAN[0], y - shift * MEAN[1]];
      return [a / Math.hypot(a, b), b / Math.hypot(a, b)];
    };
    [...moved(0.6, 0.8, 0.25), ...moved(0, 1, -0.5)].forEach((value, i) => {
      expect(placed[4 + i]).toBeCloseTo(value, 6);
    });
  });
});

describe('untrainedItems', () => {
  it('knows an item whose id row is the mask row', () => {
    const itemRows = Float32Array.of(0.5, 1, 0.25, 1, 0.25, 0.5);
    expect([...untrainedItems({ itemRows, itemIds: ['a', 'b', 'c'] }, [0.25, 1])]).toEqual([0, 1, 0]);
  });

  it('knows none where items have no id rows', () => {
    expect([...untrainedItems({ itemRows: new Float32Array(0), itemIds: ['a', 'b'] }, [])]).toEqual([0, 0]);
  });
});
