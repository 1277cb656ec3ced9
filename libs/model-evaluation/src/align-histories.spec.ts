import { expect, it } from 'vitest';
import { alignHistories, alignSplit } from './align-histories';

const INTERACTIONS = {
  userIds: ['ann', 'bob', 'new'],
  itemIds: ['x', 'y', 'fresh'],
  histories: {
    userCount: 3,
    itemCount: 3,
    offsets: Uint32Array.of(0, 3, 4, 5),
    itemRows: Uint32Array.of(0, 2, 1, 1, 0),
    timesMs: Float64Array.of(1, 2, 3, 4, 5),
    weights: Float32Array.of(1, 2, 3, 4, 5),
  },
};

it('puts histories into the rows of the model, without what it does not know', () => {
  const aligned = alignHistories(INTERACTIONS, { userIds: ['bob', 'gone', 'ann'], itemIds: ['y', 'x'] });
  expect([...aligned.offsets]).toEqual([0, 1, 1, 3]);
  expect([...aligned.itemRows]).toEqual([0, 1, 0]);
  expect([...aligned.timesMs]).toEqual([4, 1, 3]);
  expect([...aligned.weights]).toEqual([4, 1, 3]);
  expect([aligned.userCount, aligned.itemCount]).toEqual([3, 2]);
});

it('takes them as they are where the ids are the same', () => {
  expect(alignHistories(INTERACTIONS, INTERACTIONS)).toBe(INTERACTIONS.histories);
});

const { userIds, itemIds, histories } = INTERACTIONS;
const SPLIT = {
  userIds,
  itemIds,
  train: histories,
  known: histories,
  cases: [{ user: 1, relevant: Uint32Array.of(2) }],
};

it('puts a split into the rows of a model that knows all of it', () => {
  const aligned = alignSplit(SPLIT, { userIds: ['new', 'ann', 'bob'], itemIds: ['old', 'fresh', 'y', 'x'] })!;
  expect([...aligned.train.itemRows]).toEqual([3, 3, 1, 2, 2]);
  expect(aligned.cases).toEqual([{ user: 2, relevant: Uint32Array.of(1) }]);
  expect(alignSplit(SPLIT, INTERACTIONS)!.cases).toBe(SPLIT.cases);
});

it('gives no split where the model lacks an item or a user', () => {
  expect(alignSplit(SPLIT, { userIds, itemIds: ['x', 'y'] })).toBeNull();
  expect(alignSplit(SPLIT, { userIds: ['ann', 'bob'], itemIds })).toBeNull();
});
