import { resolve } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';

/** Where decisions are logged, and which share of them. */
export interface DecisionFlags {
  /** Null: nowhere. */
  readonly folder: string | null;
  /** 0 to 1. */
  readonly share: number;
}

/** The flags of commands that answer Recall; add both. */
export const DECISION_LOG_OPTION = (): Option =>
  new Option('--decision-log <dir>', 'folder for a log of a sample of all answers, which mic replay reads');
export const DECISION_SAMPLE_OPTION = (): Option =>
  new Option('--decision-sample <share>', 'share of the answers that are logged, 0 to 1')
    .argParser(share)
    .default(0.01);

/** What the flags say. */
export const decisionsOf = (flags: { decisionLog?: string; decisionSample: number }): DecisionFlags => ({
  folder: flags.decisionLog === undefined ? null : resolve(flags.decisionLog),
  share: flags.decisionSample,
});

function share(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError('give a number from 0 to 1');
}
