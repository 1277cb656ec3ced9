import { describe, expect, it } from 'vitest';
import { HedgeBudget } from './hedge-budget';

describe('HedgeBudget', () => {
  it('gives a tenth of the calls, the first one with the tenth', () => {
    const budget = new HedgeBudget();
    const hedged: number[] = [];
    for (let call = 1; call <= 45; call++) {
      budget.earn();
      if (budget.take()) hedged.push(call);
    }
    expect(hedged).toEqual([10, 20, 30, 40]);
  });

  it('saves ten at most', () => {
    const budget = new HedgeBudget();
    for (let call = 0; call < 1_000; call++) budget.earn();
    expect(Array.from({ length: 12 }, () => budget.take()).filter(Boolean)).toHaveLength(10);
  });
});
