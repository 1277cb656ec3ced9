import { Random } from '@mic/domain';
import type { ChannelList } from '@mic/recall';
import { describe, expect, it } from 'vitest';
import { MERGE_VARIANTS } from './merge-variants';
import { hitRates, PAPER, TERMS, tuneRerank, type TuningCase } from './tune-rerank';

/** Requests of 300 candidates whose right one is drawn by softmax of 1 x basic + 3 x similarItems. */
function world(cases: number): TuningCase[] {
  const random = new Random(5);
  return Array.from({ length: cases }, () => {
    const terms = Float32Array.from({ length: 300 * TERMS.length }, (_, at) =>
      at % TERMS.length === 0 ? random.normal() : random.next(),
    );
    let best = -Infinity;
    let right = 0;
    for (let i = 0; i < 300; i++) {
      const noise = -Math.log(-Math.log(1 - random.next()));
      const value = terms[i * TERMS.length]! + 3 * terms[i * TERMS.length + 4]! + noise;
      if (value > best) [best, right] = [value, i];
    }
    return { terms, right };
  });
}

describe('tuneRerank', () => {
  it('learns the weights that made the choices, and prefers them to the paper’s', () => {
    const tried = tuneRerank(world(600), 1);
    const learned = tried.find(({ name }) => name === 'learned')!;
    const paper = tried.find(({ name }) => name === 'paper')!;
    expect(learned.weights.basic).toBe(1);
    expect(learned.weights.similarItems).toBeGreaterThan(2.2);
    expect(learned.weights.similarItems).toBeLessThan(3.8);
    expect(Math.abs(learned.weights.repetition)).toBeLessThan(0.6);
    expect(learned.metrics['HR@50']!).toBeGreaterThan(paper.metrics['HR@50']! + 0.05);
    expect(tried[0]!.name).not.toBe('paper');
    expect(paper.weights).toEqual(PAPER);
  });

  it('counts what no channel found as a miss', () => {
    const found: TuningCase = { terms: Float32Array.of(1, 0, 0, 0, 0, 2, 0, 0, 0, 0), right: 0 };
    expect(hitRates([found, { ...found, right: -1 }], PAPER)).toEqual({ 'HR@10': 0.5, 'HR@50': 0.5, 'HR@200': 0.5 });
  });
});

describe('merges by place', () => {
  const list = (channel: ChannelList['channel'], ...rows: number[]): ChannelList => ({
    channel,
    weight: 1,
    candidates: {
      rows: Uint32Array.from(rows),
      scores: new Float32Array(rows.length),
      similarities: new Float32Array(rows.length),
      triggers: new Uint32Array(rows.length),
      triggerIds: [''],
    },
  });
  const lists = [list('U2I', 1, 2, 3, 4, 5), list('U2U2I', 2, 9), list('U2I2I', 8, 2)];
  const merge = (name: string, n: number) => [...MERGE_VARIANTS[name]!(lists, n)];

  it('are the hand-worked ones', () => {
    // 2: 1/62 + 1/61 + 1/62; 1 and 8: 1/61; 9: 1/62; 3: 1/63
    expect(merge('reciprocal rank fusion', 5)).toEqual([2, 1, 8, 9, 3]);
    expect(merge('one of each in turn', 5)).toEqual([1, 2, 8, 9, 3]);
    expect(merge('quotas 60:20:20', 5)).toEqual([1, 2, 3, 9, 8]);
    expect(merge('quotas 60:20:20', 7)).toEqual([1, 2, 3, 4, 9, 8, 5]);
  });
});
