import { expect, it } from 'vitest';
import { categoryOf } from './category-of';

it.each([
  ['genre', { genre: ['drama', 'crime'] }, 'drama'],
  ['genre', { genre: 'drama' }, 'drama'],
  ['year', { year: 1999 }, '1999'],
  ['genre', { genre: [] }, ''],
  ['genre', { genre: null, year: 3 }, ''],
  ['genre', {}, ''],
  [null, { genre: 'drama' }, ''],
])('the category by %s of %j is %j', (categoryField, fields, category) => {
  expect(categoryOf({ categoryField }, fields)).toBe(category);
});
