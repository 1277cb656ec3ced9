import { expect, it } from 'vitest';
import { listedFeeds } from './feeds';

it('hands over what the signature lists', () => {
  const value = { data: Float32Array.of(1), dims: [1, 1] };
  const inputs = { history: { dtype: 'int64' as const, shape: ['batch', 1] }, profile: undefined };
  expect(listedFeeds({ user_row: value, profile: value, history: value }, { inputs })).toEqual({ history: value });
});
