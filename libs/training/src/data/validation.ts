import { NO_ROW, Random, type HistoryTable } from '@mic/domain';
import { leaveOneOut } from '@mic/evaluation';

/** The events that a run trains on and the held-out ones that it validates on. */
export interface TrainingData {
  readonly histories: HistoryTable;
  /** Users with a held-out validation event. */
  readonly validationUsers: Uint32Array;
  /** Item row of the held-out event of each validation user. */
  readonly validationItems: Uint32Array;
}

/** Takes the last event of a seeded sample of users away for validation, of what the protocol lets training see. */
export function holdOutForValidation(visible: HistoryTable, share: number, seed: number): TrainingData {
  const eligible = Uint32Array.from({ length: visible.userCount }, (_, user) => user).filter(
    (user) => visible.offsets[user + 1]! - visible.offsets[user]! >= 3,
  );
  new Random(seed).shuffle(eligible);
  const count = Math.min(MOST_VALIDATION_USERS, Math.floor(eligible.length * share));
  const validationUsers = eligible.slice(0, count).sort();
  const held = leaveOneOut(visible, validationUsers);
  return {
    histories: held.train,
    validationUsers,
    validationItems: validationUsers.map((user) => held.test[user] ?? NO_ROW),
  };
}

const MOST_VALIDATION_USERS = 2_000;
