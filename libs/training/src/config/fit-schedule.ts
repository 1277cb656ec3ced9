import { ENCODERS } from '../model/encoders';
import type { TrainingConfig } from './training-config';

interface Schedule {
  /** From so many events on. */
  readonly events: number;
  readonly batchTargets: number;
  readonly epochs: number;
}

/** What a run does where its configuration leaves it open, the last that applies; by where an encoder is trained. */
const SCHEDULES: Readonly<Record<'last' | 'all', readonly Schedule[]>> = {
  last: [
    { events: 0, batchTargets: 512, epochs: 8 },
    { events: 250_000, batchTargets: 512, epochs: 4 },
    { events: 1_000_000, batchTargets: 2_048, epochs: 4 },
    { events: 10_000_000, batchTargets: 4_096, epochs: 2 },
  ],
  all: [
    { events: 0, batchTargets: 2_000, epochs: 16 },
    { events: 250_000, batchTargets: 2_000, epochs: 12 },
    { events: 2_000_000, batchTargets: 4_096, epochs: 4 },
    { events: 10_000_000, batchTargets: 8_192, epochs: 2 },
  ],
};

/**
 * Fills in the size of a step and the number of epochs where they are 0: small data is gone through more often, large data
 * in larger steps, so that 3 M events take minutes (docs/experiments.md).
 */
export function fitSchedule(config: TrainingConfig, events: number): TrainingConfig {
  const suits = SCHEDULES[ENCODERS[config.encoder].positions].filter((schedule) => events >= schedule.events).at(-1)!;
  const { loop } = config;
  const batchTargets = loop.batchTargets === 0 ? suits.batchTargets : loop.batchTargets;
  return { ...config, loop: { ...loop, batchTargets, epochs: loop.epochs === 0 ? suits.epochs : loop.epochs } };
}
