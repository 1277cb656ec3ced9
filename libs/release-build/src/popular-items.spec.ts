import { NO_ROW } from '@mic/domain';
import { expect, it } from 'vitest';
import { popularItems } from './popular-items';

it('lists the items with the most events, of all and of each category', () => {
  const popularity = Float32Array.of(5, 9, 0, 9, 1);
  const categories = Uint32Array.of(2, 1, 1, 0, 2);
  // Items 1 and 3 are equal: the lower row is first; item 3 has no category.
  expect([...popularItems(popularity, categories, 3, 3)]).toEqual([1, 3, 0, 1, 2, NO_ROW, 0, 4, NO_ROW, NO_ROW, NO_ROW, NO_ROW]); // prettier-ignore
});
