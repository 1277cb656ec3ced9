import { describe, expect, it } from 'vitest';
import { LateBreaker, LateBreakers, type LateEvent } from './late-breaker';

function breakerAt() {
  const told: LateEvent[] = [];
  const at = { ms: 0 };
  const breaker = new LateBreaker('U2U2I', { clock: () => at.ms, onLate: (event) => told.push(event) });
  /** Late so many times, over 100 ms. */
  const late = (budgetMs: number, times: number): void => {
    for (let i = 0; i < times; i++) {
      breaker.late(budgetMs);
      if (i === 0) at.ms += 100;
    }
  };
  const refused = (...budgetsMs: number[]) => budgetsMs.filter((budgetMs) => breaker.refusal(budgetMs) !== null);
  return { breaker, late, told, at, refused };
}

describe('LateBreaker', () => {
  it('spares a part after 20 late answers in a row, but for one call each 100 ms', () => {
    const { breaker, late, told, at } = breakerAt();
    late(10, 19);
    expect(breaker.refusal(10)).toBeNull();
    breaker.late(10);
    expect(told).toEqual([{ part: 'U2U2I', isSpared: true, fromMs: 8, late: 20 }]);
    expect(breaker.refusal(10)).toBeNull(); // the first try, at once
    expect(breaker.refusal(8)).toBe('not waited for: late 20 times in a row, with up to 10.0 ms; tried every 100 ms');
    at.ms += 99;
    expect(breaker.refusal(10)).not.toBeNull();
    at.ms += 1;
    expect(breaker.refusal(10)).toBeNull();
    expect(breaker.refusal(10)).not.toBeNull();
  });

  it('takes many late answers at once for one', () => {
    const { breaker, at, told } = breakerAt();
    for (let i = 0; i < 100; i++) breaker.late(10);
    at.ms += 99;
    breaker.late(10);
    expect(breaker.refusal(10)).toBeNull();
    expect(told).toEqual([]);
  });

  it('refuses nobody who has more time than was too little, or less than the size', () => {
    const { breaker, late, refused } = breakerAt();
    late(10, 100);
    breaker.refusal(10);
    expect(refused(0.5, 7.9, 8, 10, 10.1, 15.9, 16, 100, Infinity)).toEqual([8, 10]);
    breaker.late(12);
    expect(refused(12, 12.1)).toEqual([12]);
  });

  it('waits again after the first answer in time, for its size and for all that have more time than it took', () => {
    const { breaker, late, told, refused } = breakerAt();
    for (const budgetMs of [3, 10, 30, 60]) late(budgetMs, 20);
    expect(refused(3, 10, 30, 60)).toEqual([]); // the first tries
    breaker.answered(60, 20);
    // 20 ms are enough for 32 and more; of 16 to 32 that is not known.
    expect(refused(3, 10, 30, 60)).toEqual([3, 10, 30]);
    breaker.answered(30, 20);
    expect(refused(3, 10, 30, 60)).toEqual([3, 10]);
    breaker.answered(100, 1);
    expect(refused(3, 10, 30, 60)).toEqual([]);
    expect(told.filter(({ isSpared }) => !isSpared)).toEqual(
      [32, 16, 2, 8].map((fromMs) => ({ part: 'U2U2I', isSpared: false, fromMs, late: 20 })),
    );
  });

  it('counts late answers in a row alone', () => {
    const { breaker, late, told } = breakerAt();
    for (let i = 0; i < 10; i++) {
      late(10, 19);
      breaker.answered(10, 2);
    }
    expect(told).toEqual([]);
  });

  it('tries again at once where a try says nothing', () => {
    const { breaker, late } = breakerAt();
    late(10, 20);
    expect(breaker.refusal(10)).toBeNull();
    expect(breaker.refusal(10)).not.toBeNull();
    breaker.untold(10);
    expect(breaker.refusal(10)).toBeNull();
    expect(breaker.refusal(10)).not.toBeNull();
  });

  it('is one for each part', () => {
    const breakers = new LateBreakers();
    expect(breakers.of('CONTEXT')).toBe(breakers.of('CONTEXT'));
    expect(breakers.of('CONTEXT')).not.toBe(breakers.of('VECTORS'));
  });
});
