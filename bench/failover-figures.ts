import type { AppendRecord } from './append-load';
import { quantile, type CallRecord } from './load';

/** What callers saw in a span of time. */
export interface FailoverWindow {
  /** Begin, milliseconds since the master went. */
  readonly atMs: number;
  readonly calls: number;
  readonly degraded: number;
  readonly failed: number;
  readonly wrong: number;
  /** Times that an event was sent, and those that were not acknowledged. */
  readonly appends: number;
  readonly appendsFailed: number;
}

/** Appends to users of some masters, from when the master went until the last degraded answer. */
export interface AppendTimes {
  readonly times: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface FailoverFigures {
  readonly calls: number;
  readonly failed: number;
  readonly failures: readonly string[];
  readonly degraded: number;
  readonly troubles: readonly string[];
  /** Answers that are not degraded and are not those of before. */
  readonly wrong: number;
  /** From the first degraded or failed answer to the last one, milliseconds since the master went; null: none. */
  readonly troubledFromMs: number | null;
  readonly troubledToMs: number | null;
  /** Begin of the first whole answer after the last degraded one. */
  readonly wellAtMs: number | null;
  /** Longest time without a whole answer, milliseconds. */
  readonly longestMs: number;
  readonly events: number;
  readonly acknowledged: number;
  /** Events that were sent more than once, and those of them that had been written though they were answered with an error. */
  readonly repeated: number;
  readonly duplicates: number;
  readonly appendFailures: Readonly<Record<string, number>>;
  /** Acknowledged and not there afterwards; when they were acknowledged, milliseconds since the master went. */
  readonly lost: readonly number[];
  readonly onGone: AppendTimes;
  readonly onOthers: AppendTimes;
  readonly windows: readonly FailoverWindow[];
}

const WINDOW_MS = 500;
/** Of the items of an answer, those that must be as before: near ties may fall otherwise from one batch of users to another. */
const OWN_ITEMS = 0.85;

/** @param isOnGone by user id: whether the user's history was on the master that went. */
export function failoverFigures(run: {
  readonly calls: readonly CallRecord[];
  readonly reference: readonly CallRecord[];
  readonly events: readonly AppendRecord[];
  readonly missing: ReadonlySet<AppendRecord>;
  readonly goneAtMs: number;
  readonly isOnGone: ReadonlyMap<string, boolean>;
}): FailoverFigures {
  const { reference, events, missing, goneAtMs, isOnGone } = run;
  const before = new Map(reference.map(({ userId, itemIds }) => [userId, new Set(itemIds)]));
  const isWrong = ({ code, degraded, userId, itemIds }: CallRecord): boolean => {
    if (code !== 'OK' || degraded) return false;
    const expected = before.get(userId);
    return !expected || itemIds.filter((id) => expected.has(id)).length < OWN_ITEMS * expected.size;
  };
  const calls = [...run.calls].sort((a, b) => a.startedAtMs - b.startedAtMs);
  const failed = calls.filter(({ code }) => code !== 'OK');
  const degraded = calls.filter((call) => call.degraded);
  const wrong = calls.filter(isWrong);
  const isWhole = (call: CallRecord): boolean => call.code === 'OK' && !call.degraded;
  const troubled = calls.filter((call) => !isWhole(call) && call.startedAtMs >= goneAtMs - WINDOW_MS);
  const since = (ms: number | undefined): number | null => (ms === undefined ? null : ms - goneAtMs);
  const lastTroubleMs = troubled.at(-1)?.startedAtMs;
  const wholeAt = calls.filter(isWhole).map(({ startedAtMs, ms }) => startedAtMs + ms);
  const sends = events.flatMap(({ userId, sends: own }) => own.map((send) => ({ ...send, userId })));
  const until = lastTroubleMs ?? goneAtMs + WINDOW_MS;
  const during = sends.filter(({ atMs }) => atMs >= goneAtMs && atMs <= until);
  return {
    calls: calls.length,
    failed: failed.length,
    failures: [...new Set(failed.map(({ code }) => code))],
    degraded: degraded.length,
    troubles: [...new Set(degraded.map(({ troubled: channels, failure }) => `${channels}: ${failure}`))].sort(),
    wrong: wrong.length,
    troubledFromMs: since(troubled[0]?.startedAtMs),
    troubledToMs: since(lastTroubleMs),
    wellAtMs: since(calls.find((call) => isWhole(call) && call.startedAtMs > (lastTroubleMs ?? goneAtMs))?.startedAtMs),
    longestMs: wholeAt.sort((a, b) => a - b).reduce((most, at, i) => Math.max(most, at - (wholeAt[i - 1] ?? at)), 0),
    events: events.length,
    acknowledged: events.filter(({ acknowledgedAtMs }) => acknowledgedAtMs !== null).length,
    repeated: events.filter(({ failures }) => failures.length > 0).length,
    duplicates: events.filter(({ isDuplicate }) => isDuplicate).length,
    appendFailures: counted(events.flatMap(({ failures }) => failures)),
    lost: [...missing].map(({ acknowledgedAtMs }) => acknowledgedAtMs! - goneAtMs).sort((a, b) => a - b),
    onGone: timesOf(during.filter(({ userId }) => isOnGone.get(userId))),
    onOthers: timesOf(during.filter(({ userId }) => !isOnGone.get(userId))),
    windows: windowsOf(calls, isWrong, sends, goneAtMs),
  };
}

type Send = AppendRecord['sends'][number] & { readonly userId: string };

function timesOf(sends: readonly Send[]): AppendTimes {
  const times = sends.map(({ ms }) => ms).sort((a, b) => a - b);
  const failed = sends.filter((send) => send.failed).length;
  return { times: sends.length, failed, p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99) };
}

function windowsOf(
  calls: readonly CallRecord[],
  isWrong: (call: CallRecord) => boolean,
  sends: readonly Send[],
  goneAtMs: number,
): FailoverWindow[] {
  const windowOf = (atMs: number): number => Math.floor((atMs - goneAtMs) / WINDOW_MS);
  const numbers = calls.map(({ startedAtMs }) => windowOf(startedAtMs));
  const [first, last] = [Math.min(...numbers), Math.max(...numbers)];
  return Array.from({ length: last - first + 1 }, (_, i) => {
    const own = calls.filter((_call, n) => numbers[n] === first + i);
    const sent = sends.filter(({ atMs }) => windowOf(atMs) === first + i);
    return {
      atMs: (first + i) * WINDOW_MS,
      calls: own.length,
      degraded: own.filter(({ degraded }) => degraded).length,
      failed: own.filter(({ code }) => code !== 'OK').length,
      wrong: own.filter(isWrong).length,
      appends: sent.length,
      appendsFailed: sent.filter(({ failed }) => failed).length,
    };
  });
}

function counted(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
