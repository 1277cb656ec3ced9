import { Option } from 'commander';
import { wholeNumber } from './number-flags';

const LONGEST_SECONDS = 3_153_600_000;

/** The --history-ttl-seconds flag of what writes or serves histories. */
export const HISTORY_TTL_OPTION = (): Option =>
  new Option(
    '--history-ttl-seconds <s>',
    'age (by its own time) beyond which an event is neither returned nor kept; without it events of any age are',
  ).argParser(wholeNumber(1, LONGEST_SECONDS));

/** What the flag says, as stores take it. */
export const ttlMsOf = (seconds: number | undefined): number | undefined =>
  seconds === undefined ? undefined : seconds * 1_000;
