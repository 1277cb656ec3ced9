import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { topCandidates } from './top-candidates';

describe('topCandidates', () => {
  it('orders as a sort by score, then by the lower tie breaker, does', () => {
    const score = fc.oneof(
      fc.float({ noNaN: true, noDefaultInfinity: true }),
      fc.constantFrom(0, -0, 1, -1, 1e-45, -1e-45),
    );
    const candidates = fc.uniqueArray(fc.tuple(score, fc.integer({ min: 0, max: 2 ** 32 - 1 })), {
      selector: ([, tie]) => tie,
    });
    fc.assert(
      fc.property(candidates, fc.integer({ min: 0, max: 20 }), (list, n) => {
        const scores = Float32Array.from(list, ([value]) => value);
        const ties = Uint32Array.from(list, ([, tie]) => tie);
        const expected = list.map((_, i) => i).sort((a, b) => scores[b]! - scores[a]! || ties[a]! - ties[b]!);
        expect([...topCandidates(scores, ties, n)]).toEqual(expected.slice(0, n));
      }),
      { numRuns: 1_000 },
    );
  });

  it('reads a part of a larger array, too', () => {
    const scores = Float32Array.of(9, 1, 3, 2).subarray(1);
    expect([...topCandidates(scores, Uint32Array.of(0, 1, 2), 2)]).toEqual([1, 2]);
  });
});
