import { describe, expect, it } from 'vitest';
import { GradientSum } from './gradient-sum';

const part = (items: number[], users: number[] | null, w: number[]) => ({
  losses: new Float32Array(1),
  itemRows: Float32Array.from(items),
  userRows: users && Float32Array.from(users),
  itemUsers: Float32Array.of(0, 0, 4, 8),
  parameters: [Float32Array.from(w)],
});
const byRow = ({ rows, values }: { rows: Uint32Array; values: Float32Array }) =>
  Object.fromEntries(Array.from(rows, (row, i) => [row, [...values.subarray(i * 2, i * 2 + 2)]]));

describe('GradientSum', () => {
  it('adds up parts, row by row', () => {
    const sum = new GradientSum(4, 6, 2);
    for (let round = 0; round < 2; round++) {
      sum.reset();
      sum.add(part([1, 1, 2, 2], [5, 5], [1, 2]), ['w'], {
        users: Uint32Array.of(0),
        items: Uint32Array.of(0, 3),
        shortLists: [],
      });
      sum.add(part([10, 10, 20, 20], [7, 7], [10, 20]), ['w'], {
        users: Uint32Array.of(3),
        items: Uint32Array.of(3, 5),
        shortLists: [],
      });
      expect(byRow(sum.items)).toEqual({ 0: [1, 1], 3: [12, 12], 5: [20, 20] });
      expect(byRow(sum.users)).toEqual({ 0: [5, 5], 3: [7, 7] });
      expect(sum.parameters.map(([name, values]) => [name, [...values]])).toEqual([['w', [11, 22]]]);
    }
  });

  it('shares the gradient of a mean out among its users, or gives it to the mask row', () => {
    const sum = new GradientSum(4, 6, 2);
    sum.add(part([1, 1], [5, 5], []), [], {
      users: Uint32Array.of(3),
      items: Uint32Array.of(0),
      shortLists: [
        { place: 1, users: Uint32Array.of(0, 2) },
        { place: 1, users: new Uint32Array(0) },
      ],
    });
    expect(byRow(sum.users)).toEqual({ 0: [4, 8], 1: [2, 4], 3: [7, 9] });
  });

  it('has no gradient for the mask row where no user has one', () => {
    const sum = new GradientSum(4, 6, 2);
    sum.add(part([1, 1], null, []), [], {
      users: Uint32Array.of(0),
      items: Uint32Array.of(3),
      shortLists: [],
    });
    expect(byRow(sum.users)).toEqual({ 0: [0, 0] });
  });

  it('clips the whole gradient to a length', () => {
    const sum = new GradientSum(1, 2, 2);
    sum.add(part([0, 0, 3, 0], null, [0, 4]), ['w'], {
      users: new Uint32Array(0),
      items: Uint32Array.of(0, 1),
      shortLists: [],
    });
    sum.clip(0);
    sum.clip(5.1);
    expect(byRow(sum.items)[1]).toEqual([3, 0]);
    sum.clip(0.5);
    expect(byRow(sum.items)[1]![0]).toBeCloseTo(0.3, 6);
    expect(sum.parameters[0]![1][1]).toBeCloseTo(0.4, 6);
  });
});
