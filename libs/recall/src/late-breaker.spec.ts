import { describe, expect, it } from 'vitest';
import { LateBreaker, LateBreakers, type LateEvent } from './late-breaker';

function breakerAt() {
  const told: LateEvent[] = [];
  const at = { ms: 0 };
  const breaker = new LateBreaker('U2U2I', { clock: () => at.ms, onLate: (event) => told.push(event) });
  const late = (budgetMs: number, times: number): void => {
    for (let i = 0; i < times; i++) breaker.late(budgetMs);
  };
  return { breaker, late, told, at };
}

describe('LateBreaker', () => {
  it('spares a part after 20 late answers in a row, but for one call each 100 ms', () => {
    const { breaker, late, told, at } = breakerAt();
    late(10, 19);
    expect(breaker.refusal(10)).toBeNull();
    late(10, 1);
    expect(told).toEqual([{ part: 'U2U2I', isSpared: true, fromMs: 8, late: 20 }]);
    expect(breaker.refusal(10)).toBeNull(); // at once: it may have been a moment only
    expect(breaker.refusal(15.9)).toBe(
      'not waited for: late 20 times in a row at budgets of 8 to 16 ms; tried every 100 ms',
    );
    at.ms = 99;
    expect(breaker.refusal(10)).not.toBeNull();
    at.ms = 100;
    expect(breaker.refusal(10)).toBeNull();
    expect(breaker.refusal(10)).not.toBeNull();
  });

  it('refuses nobody with more time, or less, for those who are late', () => {
    const { breaker, late } = breakerAt();
    late(10, 100);
    for (const budgetMs of [0.5, 7.9, 16, 100, Infinity]) expect(breaker.refusal(budgetMs)).toBeNull();
  });

  it('waits again after the first answer in time, for all that have more time than it took', () => {
    const { breaker, late, told } = breakerAt();
    for (const budgetMs of [3, 10, 30, 60]) late(budgetMs, 20);
    for (const budgetMs of [3, 10, 30, 60]) breaker.refusal(budgetMs);
    breaker.answered(60, 20);
    // 20 ms are enough for 32 and more; of 16 to 32 that is not known.
    expect(breaker.refusal(60)).toBeNull();
    expect([3, 10, 30].map((budgetMs) => breaker.refusal(budgetMs) === null)).toEqual([false, false, false]);
    breaker.answered(30, 20);
    expect(breaker.refusal(30)).toBeNull();
    breaker.answered(100, 1);
    expect([3, 10].map((budgetMs) => breaker.refusal(budgetMs))).toEqual([null, null]);
    expect(told.filter(({ isSpared }) => !isSpared)).toEqual(
      [32, 16, 2, 8].map((fromMs) => ({ part: 'U2U2I', isSpared: false, fromMs, late: 20 })),
    );
  });

  it('counts late answers in a row alone', () => {
    const { breaker, late } = breakerAt();
    for (let i = 0; i < 10; i++) {
      late(10, 19);
      breaker.answered(10, 2);
    }
    expect(breaker.refusal(10)).toBeNull();
    breaker.refusal(10);
    expect(breaker.refusal(10)).toBeNull();
  });

  it('is one for each part', () => {
    const breakers = new LateBreakers({ clock: () => 0 });
    expect(breakers.of('CONTEXT')).toBe(breakers.of('CONTEXT'));
    expect(breakers.of('CONTEXT')).not.toBe(breakers.of('VECTORS'));
  });
});
