import type { HistoryTable } from '@mic/domain';
import { splitBy } from '@mic/evaluation';
import { exactTopK } from '@mic/vectors';
import { describe, expect, it } from 'vitest';
import type { EncodedWorld } from './encoded-world';
import { measureQuality } from './measure-quality';

/**
 * Six items on a circle, three users at items 0, 2 and 4. User u saw the item at its own place, and last the item next to
 * it, which is held out; user 2 has a single event, so that nothing is held out.
 */
const HISTORIES: HistoryTable = {
  userCount: 3,
  itemCount: 6,
  offsets: Uint32Array.of(0, 2, 4, 5),
  itemRows: Uint32Array.of(0, 1, 2, 5, 4),
  timesMs: Float64Array.of(1, 2, 1, 2, 1),
  weights: new Float32Array(5).fill(1),
};
const onCircle = (places: number[]) =>
  Float32Array.from(places.flatMap((place) => [Math.cos((place * Math.PI) / 3), Math.sin((place * Math.PI) / 3)]));

function worldOf(histories: HistoryTable): EncodedWorld {
  const itemVectors = onCircle([0, 1, 2, 3, 4, 5]);
  const userVectors = onCircle([0.1, 2.1, 4.1]);
  const similar = (vectors: Float32Array, count: number) =>
    exactTopK({
      queries: vectors,
      queryCount: count,
      matrix: vectors,
      rowCount: count,
      dimension: 2,
      k: 2,
      excludeSelf: true,
    });
  return {
    histories,
    dimension: 2,
    vectorsPerUser: 1,
    userVectors,
    userMeans: userVectors,
    itemVectors,
    u2u: similar(userVectors, 3),
    i2i: similar(itemVectors, 6),
  };
}

describe('measureQuality', () => {
  it('ranks the held-out item in each list of the users that have one', async () => {
    const split = splitBy('leave-one-out', HISTORIES, ['u', 'v', 'w'], 0);
    expect(split.cases.map(({ user, relevant }) => [user, ...relevant])).toEqual([
      [0, 1],
      [1, 5],
    ]);
    const facts = {
      itemIds: ['a', 'b', 'c', 'd', 'e', 'f'],
      categories: new Uint32Array(6),
      categoryNames: [''],
      popularity: new Float32Array(6),
    };
    const quality = await measureQuality({
      protocol: 'leave-one-out',
      world: worldOf(split.known),
      split,
      cases: split.cases,
      facts,
      window: 50,
    });
    expect([quality.protocol, quality.users]).toEqual(['leave-one-out', 2]);
    const mrr = (list: string) => quality.metrics[list]!['MRR@200'];
    // U2I: user 0 at 0.1 without item 0: 1, 5, 2, 4, 3, so item 1 is first. User 1 at 2.1 without item 2: 3, 1, 4, 0, 5:
    // item 5 is last of five.
    expect(mrr('u2i')).toBeCloseTo((1 + 1 / 5) / 2, 12);
    // Similar items of item 0: 1 and 5, alike; item 1 is the lower row. Item 5 is not similar to item 2.
    expect(mrr('u2i2i')).toBeCloseTo(1 / 2, 12);
    // Similar users' items that are left: 2 and 4 for user 0, 0 and 4 for user 1: no hit.
    expect(mrr('u2u2i')).toBe(0);
    // Left in training: items 0, 2 and 4, once each: no held-out item among them.
    expect([mrr('popularity'), mrr('itemknn')]).toEqual([0, 0]);
    expect(quality.metrics.merged!['HR@10']).toBe(1);
  });
});
