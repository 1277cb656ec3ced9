import { describe, expect, it } from 'vitest';
import type { EncoderName } from './encoder-names';
import { fitSchedule } from './fit-schedule';
import { parseTrainingConfig } from './parse-config';

describe('fitSchedule', () => {
  const loopOf = (events: number, settings: string[] = [], encoder: EncoderName = 'pooled') => {
    const { batchTargets, epochs } = fitSchedule(parseTrainingConfig({}, settings, encoder), events).loop;
    return [batchTargets, epochs];
  };

  it('goes through small data more often, and through large data in larger steps', () => {
    expect([99_999, 437_000, 3_000_000, 20_000_000].map((events) => loopOf(events))).toEqual([
      [512, 8],
      [512, 4],
      [2_048, 4],
      [4_096, 2],
    ]);
  });

  it('takes more targets a step where every position is one', () => {
    expect([100_000, 1_000_000, 3_000_000].map((events) => loopOf(events, [], 'multi-decay'))).toEqual([
      [2_000, 16],
      [2_000, 12],
      [4_096, 4],
    ]);
  });

  it('leaves what is given', () => {
    expect(loopOf(3_000_000, ['loop.epochs=9', 'loop.batchTargets=64'])).toEqual([64, 9]);
    expect(loopOf(3_000_000, ['loop.epochs=9'])).toEqual([2_048, 9]);
  });
});
