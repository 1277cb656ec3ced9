import { quantile, type CallRecord } from './load';

/** How long something took to count, milliseconds; Infinity where it never did. */
export interface Arrival {
  readonly fromStartMs: number;
  readonly fromAnswerMs: number;
}

export interface ArrivalFigures {
  readonly count: number;
  /** Share that counted within a second, 0 .. 1. */
  readonly withinASecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** How many never did; they are in the figures above as Infinity, null in JSON. */
  readonly never: number;
}

const A_SECOND_MS = 1_000;

/** @param timesMs one for each, Infinity for what never came. */
export function arrivalFigures(timesMs: readonly number[]): ArrivalFigures {
  const sorted = timesMs.toSorted((a, b) => a - b);
  return {
    count: sorted.length,
    withinASecond: sorted.filter((ms) => ms <= A_SECOND_MS).length / sorted.length,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    maxMs: sorted.at(-1) ?? Number.NaN,
    never: sorted.filter((ms) => ms === Infinity).length,
  };
}

/** What callers saw during a steady load. */
export interface SteadyFigures {
  readonly calls: number;
  readonly failed: number;
  readonly degraded: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** What went wrong, each kind once. */
  readonly troubles: readonly string[];
}

export function steadyFigures(records: readonly CallRecord[]): SteadyFigures {
  const times = records.map(({ ms }) => ms).sort((a, b) => a - b);
  const failed = records.filter(({ code }) => code !== 'OK');
  const degraded = records.filter((record) => record.degraded);
  const troubles = [
    ...failed.map(({ code }) => code),
    ...degraded.map(({ troubled, failure }) => [troubled, failure].filter(Boolean).join(': ')),
  ];
  return {
    calls: records.length,
    failed: failed.length,
    degraded: degraded.length,
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
    maxMs: times.at(-1) ?? Number.NaN,
    troubles: [...new Set(troubles)].sort(),
  };
}
