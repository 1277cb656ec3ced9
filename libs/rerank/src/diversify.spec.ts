import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { marginallyRelevant, windowedByCategory } from './diversify';

const positions = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, i) => i);

describe('windowedByCategory', () => {
  it('holds a category back that has its share of a window', () => {
    // Best first: x0 x1 x2 y3 y4 z5. At most one of a category in three: x0, y3, z5; then x1 (x0 has left the window), y4, and
    // nobody is free for the last place but x2 is left.
    const categories = Uint32Array.of(1, 1, 1, 2, 2, 3);
    expect([...windowedByCategory(positions(6), categories, 6, { size: 3, most: 1 })]).toEqual([0, 3, 5, 1, 4, 2]);
    expect([...windowedByCategory(positions(6), categories, 6, { size: 3, most: 2 })]).toEqual([0, 1, 3, 2, 4, 5]);
  });

  it('takes the best that is left where every category waits', () => {
    expect([...windowedByCategory(positions(3), Uint32Array.of(1, 1, 1), 2, { size: 5, most: 1 })]).toEqual([0, 1]);
  });

  it('takes each candidate once, and breaks its rule only where nobody keeps it', () => {
    const candidates = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 40 });
    const window = fc.record({ size: fc.integer({ min: 1, max: 8 }), most: fc.integer({ min: 1, max: 3 }) });
    fc.assert(
      fc.property(candidates, fc.integer({ min: 0, max: 50 }), window, (categories, n, rule) => {
        const list = [...windowedByCategory(positions(categories.length), Uint32Array.from(categories), n, rule)];
        expect(list.length).toBe(Math.min(n, categories.length));
        expect(new Set(list).size).toBe(list.length);
        list.forEach((chosen, i) => {
          const before = list.slice(Math.max(0, i - rule.size + 1), i).map((c) => categories[c]!);
          const isFree = (c: number): boolean => before.filter((b) => b === categories[c]).length < rule.most;
          const left = categories.map((_, c) => c).filter((c) => !list.slice(0, i).includes(c));
          const free = left.filter(isFree);
          expect(chosen).toBe(Math.min(...(free.length > 0 ? free : left)));
        });
      }),
    );
  });
});

describe('marginallyRelevant', () => {
  it('weighs the score against the most similar item before', () => {
    // Scores 1, .8, 0 of the pool; 0 and 1 are alike, 2 is unlike both. Lambda .5: 0 first (1 * .5 + .5); then 1 has
    // .4 - .45 = -.05 and 2 has 0 - 0 = 0.
    const alike = [
      [1, 0.9, 0],
      [0.9, 1, 0],
      [0, 0, 1],
    ];
    const list = (lambda: number) => [
      ...marginallyRelevant(positions(3), Float32Array.of(3, 2.6, 1), (a, b) => alike[a]![b]!, 3, { lambda, pool: 3 }),
    ];
    expect(list(0.5)).toEqual([0, 2, 1]);
    expect(list(1)).toEqual([0, 1, 2]);
  });

  it('chooses from the pool alone, which is never smaller than the list', () => {
    const score = Float32Array.of(5, 4, 3, 2);
    const list = marginallyRelevant(positions(4), score, () => 0, 2, { lambda: 0, pool: 1 });
    expect([...list]).toEqual([0, 1]);
    expect([...marginallyRelevant(positions(4), score, () => 1, 9, { lambda: 0.3, pool: 1 })].sort()).toEqual([
      0, 1, 2, 3,
    ]);
  });

  it('keeps the order of the scores for lambda 1, each candidate once', () => {
    const scores = fc.array(fc.float({ min: -10, max: 10, noNaN: true }), { maxLength: 30 });
    fc.assert(
      fc.property(
        scores,
        fc.integer({ min: 0, max: 40 }),
        fc.float({ min: 0, max: 1, noNaN: true }),
        (all, n, lambda) => {
          const sorted = Float32Array.from(all).sort().reverse();
          const similarity = (a: number, b: number): number => Math.cos(a * 7 + b * 7);
          const order = positions(sorted.length);
          const list = [...marginallyRelevant(order, sorted, similarity, n, { lambda, pool: 20 })];
          expect(list.length).toBe(Math.min(n, all.length));
          expect(new Set(list).size).toBe(list.length);
          const plain = [...marginallyRelevant(order, sorted, similarity, n, { lambda: 1, pool: 20 })];
          expect(plain.every((c, i) => i === 0 || sorted[plain[i - 1]!]! >= sorted[c]!)).toBe(true);
        },
      ),
    );
  });
});
