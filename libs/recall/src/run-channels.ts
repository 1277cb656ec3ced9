import { MicError, type Channel } from '@mic/domain';
import { withinBudget, type Budgeted, type Clock } from './budget';
import { NO_CANDIDATES, type ChannelInput, type ChannelPorts, type RecallChannel } from './channel';
import { RECALL_CHANNELS } from './channels/registry';
import { Effort } from './effort';
import type { Eligibility } from './eligibility';
import type { Items } from './items';
import type { LateBreakers } from './late-breaker';
import type { ChannelList } from './merge';
import type { UserContext, UserVectors } from './ports';
import type { RecallProfile } from './profile';
import type { ChannelReport, RecallRequest } from './recall-types';
import { RowPositions } from './row-positions';

/** Kept back from a fallback, which runs in the time of merge and rerank, milliseconds. */
const FALLBACK_RESERVE_MS = 1;

/** One request on its way. */
export interface Trip {
  readonly request: RecallRequest;
  readonly n: number;
  readonly profile: RecallProfile;
  readonly items: Items;
  readonly signal: AbortSignal;
  /** Milliseconds until the reserve for merge and rerank begins. */
  readonly timeLeft: () => number;
  /** Milliseconds until the answer must go. */
  readonly timeToAnswer: () => number;
}

/** What the channels read of the user. */
export interface UserState {
  readonly context: Budgeted<UserContext>;
  readonly historyRows: Uint32Array;
  readonly eligibility: Eligibility;
  readonly vectors: Promise<Budgeted<UserVectors> | null>;
}

/** What became of one channel. */
export interface ChannelRun {
  readonly list: ChannelList;
  readonly report: ChannelReport;
  /** Rows that it found and must not return; empty unless the request asked to explain. */
  readonly refused: ReadonlySet<number>;
}

/** What channels are run with. */
export interface ChannelRunner {
  readonly ports: ChannelPorts;
  /** See ChannelInput. */
  readonly indexEf: number | undefined;
  readonly userIndexEf: number | undefined;
  readonly clock: Clock;
  readonly breakers: LateBreakers;
}

/**
 * All channels but the fallbacks at once, each within its budget; then those that ask nobody, where too few items were found: a
 * fallback for the first time, another once more and for as many as are wanted.
 *
 * @returns one run for each channel, in the order of the registry.
 * @throws MicError CANCELLED when the caller cancels.
 */
export async function runChannels(trip: Trip, user: UserState, runner: ChannelRunner): Promise<readonly ChannelRun[]> {
  const { n, profile, timeLeft, timeToAnswer } = trip;
  const runs = new Map<Channel, ChannelRun>();
  const isFallback = (channel: RecallChannel): boolean => channel.isFallback(profile);
  const atOnce = RECALL_CHANNELS.filter((channel) => !isFallback(channel)).map(async (channel) => {
    runs.set(channel.name, await runChannel(channel, trip, user, runner, { timeLeftMs: timeLeft(), fillsUp: false }));
  });
  await Promise.all(atOnce);
  for (const channel of RECALL_CHANNELS.filter(({ asksNobody }) => asksNobody)) {
    const found = unionSize([...runs.values()]);
    const isNeeded = found < n || !profile.channels[channel.name].enabled;
    if (runs.has(channel.name) && !isNeeded) continue;
    const timeLeftMs = Math.max(timeToAnswer() - FALLBACK_RESERVE_MS, FALLBACK_RESERVE_MS);
    const run = isNeeded
      ? await runChannel(channel, trip, user, runner, { timeLeftMs, fillsUp: true })
      : notRun(channel, profile, `not needed: the others found ${found} items`);
    // One that filled up in vain keeps what it had found.
    const before = runs.get(channel.name);
    if (before && before.list.candidates.rows.length > run.list.candidates.rows.length) continue;
    runs.set(channel.name, run);
  }
  return RECALL_CHANNELS.map(({ name }) => runs.get(name)!);
}

/** Different items that some channels found. */
function unionSize(runs: readonly ChannelRun[]): number {
  const rows = new RowPositions(runs.reduce((sum, { list }) => sum + list.candidates.rows.length, 0));
  for (const { list } of runs) for (const row of list.candidates.rows) rows.of(row);
  return rows.size;
}

async function runChannel(
  channel: RecallChannel,
  { request, n, profile, items, signal }: Trip,
  { context, historyRows, eligibility, vectors }: UserState,
  { ports, indexEf, userIndexEf, clock, breakers }: ChannelRunner,
  { timeLeftMs, fillsUp }: { readonly timeLeftMs: number; readonly fillsUp: boolean },
): Promise<ChannelRun> {
  const settings = profile.channels[channel.name];
  if (!settings.enabled) {
    const by = request.overrides?.channels?.[channel.name]?.enabled === false ? 'request' : 'profile';
    return notRun(channel, profile, `off in the ${by}`);
  }
  if (request.isPressed && !channel.asksNobody && context.outcome !== 'OK') {
    return withoutCandidates(channel, profile, { ...context, shrunk: [] });
  }
  if (channel.needsHistory && context.outcome !== 'OK' && !request.inlineHistory) {
    const { outcome, elapsedMs } = context;
    const message = `the user's history could not be read: ${context.message}`;
    return withoutCandidates(channel, profile, { outcome, elapsedMs, message, shrunk: [] });
  }
  let lacksVectors = false;
  const refused = new Set<number>();
  const notes: string[] = [];
  const timeoutMs = Math.min(settings.timeoutMs, timeLeftMs);
  const effort = Effort.within(timeoutMs, profile.fullEffortMs, profile.leastEffort);
  const input: ChannelInput = {
    releaseId: items.releaseId,
    userId: request.userId,
    userKnown: context.outcome === 'OK' ? context.value.userKnown : null,
    n,
    profile,
    items,
    eligibility: request.explain ? eligibility.noting(refused) : eligibility,
    historyRows,
    fillsUp,
    userVectors: () =>
      valueOf(vectors).catch((error: unknown) => {
        lacksVectors = true;
        throw error;
      }),
    effort,
    indexEf,
    userIndexEf,
    explain: request.explain === true,
    note: (text) => notes.push(text),
  };
  const ran = await withinBudget((options) => channel.retrieve(input, ports, options), {
    timeoutMs,
    hedgeAfterMs: settings.hedgeAfterMs,
    breaker: channel.asksNobody ? undefined : breakers.of(channel.name),
    // Without a vector, or anything to ask about, it has asked nobody.
    tells: (ended) => !lacksVectors && !(ended.outcome === 'OK' && ended.value === NO_CANDIDATES),
    signal,
    requestId: request.requestId,
    clock,
  });
  const { shrunk } = effort;
  if (ran.outcome !== 'OK') return withoutCandidates(channel, profile, { ...ran, shrunk });
  const candidates = ran.value;
  const count = candidates.rows.length;
  if (count === 0 && notes.length === 0) notes.push('found no eligible item');
  if (context.outcome !== 'OK') {
    notes.push(`answered without the user's stored history and profile: ${context.message}`);
  }
  return {
    list: { channel: channel.name, weight: settings.weight, candidates },
    report: {
      channel: channel.name,
      outcome: count > 0 ? 'OK' : 'EMPTY',
      candidates: count,
      elapsedMs: ran.elapsedMs,
      message: notes.join('; '),
      shrunk,
    },
    refused,
  };
}

/** @throws MicError that says to a channel what the lack of a user vector means. */
async function valueOf(vectors: UserState['vectors']): Promise<UserVectors> {
  const result = await vectors;
  if (result?.outcome === 'OK') return result.value;
  const code = result ? VECTOR_ERRORS[result.outcome] : 'UNAVAILABLE';
  throw new MicError(code, `the user has no vector: ${result?.message ?? 'no history'}`);
}

const VECTOR_ERRORS = { LATE: 'DEADLINE_EXCEEDED', FAILED: 'UNAVAILABLE', SHED: 'RESOURCE_EXHAUSTED' } as const;

const NOTHING_REFUSED: ReadonlySet<number> = new Set();

function withoutCandidates(
  { name }: RecallChannel,
  profile: RecallProfile,
  { outcome, elapsedMs, message, shrunk }: Pick<ChannelReport, 'outcome' | 'elapsedMs' | 'message' | 'shrunk'>,
): ChannelRun {
  return {
    list: { channel: name, weight: profile.channels[name].weight, candidates: NO_CANDIDATES },
    report: { channel: name, outcome, candidates: 0, elapsedMs, message, shrunk },
    refused: NOTHING_REFUSED,
  };
}

const notRun = (channel: RecallChannel, profile: RecallProfile, message: string): ChannelRun =>
  withoutCandidates(channel, profile, { outcome: 'DISABLED', elapsedMs: 0, message, shrunk: [] });
