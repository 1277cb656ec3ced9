import { NO_ROW, Random, type HistoryTable } from '@mic/domain';
import { leaveOneOut } from '@mic/evaluation';
import type { TrainingConfig } from '../config/training-config';

/** What of the events a model may not see: nothing, or every user's last event. */
export const PROTOCOLS = ['none', 'leave-one-out'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** The events that a run trains on and the held-out ones that it validates on. */
export interface TrainingData {
  readonly histories: HistoryTable;
  /** Users with a held-out validation event. */
  readonly validationUsers: Uint32Array;
  /** Item row of the held-out event of each validation user. */
  readonly validationItems: Uint32Array;
}

/**
 * Takes the protocol's events away, then the last remaining event of a seeded sample of users for validation. The seed
 * decides the sample.
 */
export function splitForTraining(
  all: HistoryTable,
  protocol: Protocol,
  { loop }: Pick<TrainingConfig, 'loop'>,
  seed: number,
): TrainingData {
  const visible = protocol === 'leave-one-out' ? leaveOneOut(all).train : all;
  const eligible = Uint32Array.from({ length: visible.userCount }, (_, user) => user).filter(
    (user) => visible.offsets[user + 1]! - visible.offsets[user]! >= 3,
  );
  new Random(seed).shuffle(eligible);
  const count = Math.min(MOST_VALIDATION_USERS, Math.floor(eligible.length * loop.validationShare));
  const validationUsers = eligible.slice(0, count).sort();
  const held = leaveOneOut(visible, validationUsers);
  return {
    histories: held.train,
    validationUsers,
    validationItems: validationUsers.map((user) => held.test[user] ?? NO_ROW),
  };
}

const MOST_VALIDATION_USERS = 2_000;
