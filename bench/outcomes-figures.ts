import { GRACE_MS } from '@mic/client';
import type { Channel, ChannelOutcome } from '@mic/domain';
import { quantile } from './load';
import type { LoopDelay } from './own-delay';

/** What became of one call. */
export interface OutcomeCall {
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number;
  readonly ms: number;
  /** 'OK' or the status. */
  readonly code: string;
  /** What the error says; '' where there is none. */
  readonly message: string;
  /** The service refused it before it was begun, as it may in overload. */
  readonly isShed: boolean;
  readonly degraded: boolean;
  /** None where there is no answer. */
  readonly outcomes: ReadonlyMap<Channel, ChannelOutcome>;
  /** See violationsOf. */
  readonly violations: readonly string[];
}

/** When event loops kept calls waiting. */
export interface RecordedDelays {
  /** Of the process that calls. */
  readonly own: readonly LoopDelay[];
  /** Of the process that answers. */
  readonly server: readonly LoopDelay[];
}

/** Counts by name. */
export type Counts = Readonly<Record<string, number>>;

export interface OutcomeFigures {
  readonly requests: number;
  readonly degraded: number;
  /** Answers that came after the deadline, in the caller's grace; of these, what `@mic/client` does not wait for unless it is told. */
  readonly inGrace: number;
  readonly afterUsualGrace: number;
  /** Answers that break a rule, and the rules. */
  readonly wrong: number;
  readonly violations: Counts;
  /** Calls that ended with an error, by code; and by what they say, without numbers. */
  readonly failed: number;
  readonly codes: Counts;
  readonly messages: Counts;
  /** Failed calls that the service refused before it began them. */
  readonly shed: number;
  /** Failed calls that ran out of time while this process was held up itself. */
  readonly callerHeldUp: number;
  /** The other failed calls: they could have been answered in part. */
  readonly couldBePartial: number;
  /** Those of them that the delay of the two event loops does not explain. */
  readonly unexplained: number;
  /** Calls that ended more than 10 ms after their deadline. */
  readonly late: number;
  /** Those of them that the recorded delay does not explain, and by how much the worst of all goes beyond it. */
  readonly lateUnexplained: number;
  readonly worstExcessMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Outcomes of each channel in the answers. */
  readonly outcomes: Readonly<Record<string, Counts>>;
  /** Longest delays during these calls. */
  readonly ownDelayMs: number;
  readonly serverDelayMs: number;
}

/** How long after its deadline a call may end, milliseconds. */
const TOLERANCE_MS = 10;
/** As the built-in profile has it. */
const KEPT_SHARE = 0.25;
const LEAST_KEPT_MS = 8;
const MOST_KEPT_MS = 50;

/** What a service keeps back of a deadline, milliseconds: it gives its channels the rest. */
export const keptMs = (deadlineMs: number): number =>
  Math.max(Math.min(LEAST_KEPT_MS, deadlineMs / 2), Math.min(KEPT_SHARE * deadlineMs, MOST_KEPT_MS));

/** What a caller asks for, and what it puts up with. */
export interface Patience {
  readonly deadlineMs: number;
  /** For how long after the deadline it still waits. */
  readonly graceMs: number;
}

export function outcomeFigures(
  calls: readonly OutcomeCall[],
  patience: Patience,
  delays: RecordedDelays,
): OutcomeFigures {
  const { deadlineMs } = patience;
  const judged = calls.map((call) => ({ call, ...judge(call, patience, delays) }));
  const count = (holds: (one: (typeof judged)[number]) => boolean): number => judged.filter(holds).length;
  const failed = calls.filter(({ code }) => code !== 'OK');
  const times = calls.map(({ ms }) => ms).sort((a, b) => a - b);
  const largest = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), 0);
  return {
    requests: calls.length,
    degraded: calls.filter(({ degraded }) => degraded).length,
    inGrace: answeredAfter(calls, deadlineMs),
    afterUsualGrace: answeredAfter(calls, deadlineMs + GRACE_MS),
    wrong: calls.filter(({ violations }) => violations.length > 0).length,
    violations: counted(calls.flatMap(({ violations }) => violations)),
    failed: failed.length,
    codes: counted(failed.map(({ code }) => code)),
    messages: counted(failed.map(problemOf)),
    shed: count(({ failure }) => failure === 'shed'),
    callerHeldUp: count(({ failure }) => failure === 'caller held up'),
    couldBePartial: count(({ failure }) => failure === 'server held up' || failure === 'unexplained'),
    unexplained: count(({ failure }) => failure === 'unexplained'),
    late: count(({ isLate }) => isLate),
    lateUnexplained: count(({ isLate, excessMs }) => isLate && excessMs > 0),
    worstExcessMs: largest(judged.map(({ excessMs }) => excessMs)),
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
    maxMs: times.at(-1) ?? Number.NaN,
    outcomes: outcomesByChannel(calls),
    ownDelayMs: largest(judged.map(({ ownMs }) => ownMs)),
    serverDelayMs: largest(judged.map(({ serverMs }) => serverMs)),
  };
}

const answeredAfter = (calls: readonly OutcomeCall[], ofMs: number): number =>
  calls.filter(({ code, ms }) => code === 'OK' && ms > ofMs).length;

/** Code and message, without numbers. */
const problemOf = ({ code, message }: OutcomeCall): string => `${code}: ${message.replaceAll(/\d+(\.\d+)*/g, '#')}`;

interface Judged {
  readonly isLate: boolean;
  /** Beyond deadline, tolerance and recorded delay. */
  readonly excessMs: number;
  readonly ownMs: number;
  readonly serverMs: number;
  readonly failure: 'shed' | 'caller held up' | 'server held up' | 'unexplained' | null;
}

function judge(call: OutcomeCall, { deadlineMs, graceMs }: Patience, delays: RecordedDelays): Judged {
  const ownMs = longestDuring(call, delays.own);
  const serverMs = longestDuring(call, delays.server);
  const beyondMs = call.ms - deadlineMs - TOLERANCE_MS;
  return {
    isLate: beyondMs > 0,
    excessMs: beyondMs > 0 ? Math.max(0, beyondMs - heldUpMs(call, deadlineMs, delays)) : 0,
    ownMs,
    serverMs,
    failure: failureOf(call, ownMs, serverMs, keptMs(deadlineMs) + graceMs),
  };
}

function failureOf(
  { code, isShed }: OutcomeCall,
  ownMs: number,
  serverMs: number,
  /** Between the end of what a service gives its channels and that of what its caller waits: who is held up for so long cannot keep it. */
  sparedMs: number,
): Judged['failure'] {
  if (code === 'OK') return null;
  if (isShed) return 'shed';
  if (code !== 'DEADLINE_EXCEEDED') return 'unexplained';
  if (ownMs >= sparedMs) return 'caller held up';
  return ownMs + serverMs >= sparedMs ? 'server held up' : 'unexplained';
}

/**
 * For how long, at most, this process or the service was held up so that the call came later: this process since its deadline,
 * and the service since the end of what it gives its channels, for what it lost before, it gives them less. Time in which both
 * were held up counts once.
 */
function heldUpMs({ startedAtMs, ms }: OutcomeCall, deadlineMs: number, { own, server }: RecordedDelays): number {
  const endMs = startedAtMs + ms;
  const dueMs = startedAtMs + deadlineMs;
  const times = [...within(own, dueMs, endMs), ...within(server, dueMs - keptMs(deadlineMs), endMs)];
  let sum = 0;
  let countedUntilMs = -Infinity;
  for (const { fromMs, toMs } of times.sort((a, b) => a.fromMs - b.fromMs)) {
    sum += Math.max(0, toMs - Math.max(fromMs, countedUntilMs));
    countedUntilMs = Math.max(countedUntilMs, toMs);
  }
  return sum;
}

/** What of delays falls into a time. */
const within = (delays: readonly LoopDelay[], fromMs: number, toMs: number): Pick<LoopDelay, 'fromMs' | 'toMs'>[] =>
  delays
    .filter((delay) => delay.fromMs < toMs && delay.toMs > fromMs)
    .map((delay) => ({ fromMs: Math.max(delay.fromMs, fromMs), toMs: Math.min(delay.toMs, toMs) }));

/** The longest delay of those that fall into the call. */
function longestDuring({ startedAtMs, ms }: OutcomeCall, delays: readonly LoopDelay[]): number {
  let longest = 0;
  for (const { fromMs, toMs, delayMs } of delays) {
    if (fromMs <= startedAtMs + ms && toMs >= startedAtMs) longest = Math.max(longest, delayMs);
  }
  return longest;
}

function counted(names: readonly string[]): Counts {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

function outcomesByChannel(calls: readonly OutcomeCall[]): Record<string, Counts> {
  const lists: Partial<Record<Channel, ChannelOutcome[]>> = {};
  for (const { outcomes } of calls) {
    for (const [channel, outcome] of outcomes) (lists[channel] ??= []).push(outcome);
  }
  return Object.fromEntries(Object.entries(lists).map(([channel, list]) => [channel, counted(list)]));
}
