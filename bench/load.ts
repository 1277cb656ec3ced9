import { RecallRequest, RecallServiceClient, type RecallResponse } from '@mic/contracts';
import type { MicError } from '@mic/domain';
import { createClient, unary } from '@mic/rpc';
import { atSteadyRate, inClosedLoop } from './pace';

export interface LoadOptions {
  /** `host:port` of a gateway or of `mic serve`. */
  readonly target: string;
  readonly userIds: readonly string[];
  readonly calls: number;
  readonly concurrency: number;
  readonly deadlineMs: number;
  /** The load ends here even when calls are left. */
  readonly longestMs: number;
}

/** What became of one call. */
export interface CallRecord {
  readonly startedAtMs: number;
  readonly ms: number;
  /** 'OK' or the status. */
  readonly code: string;
  readonly degraded: boolean;
  /** Channel outcomes as `U2I=LATE,...`, without those that are OK or EMPTY. */
  readonly troubled: string;
  /** What the first channel that has failed says; '' where none has. */
  readonly failure: string;
  readonly items: number;
  /** The release that answered; '' where there is no answer. */
  readonly releaseId: string;
  readonly userId: string;
  readonly itemIds: readonly string[];
}

/** Calls Recall for one user after the other, a number of them at a time, and records every call. */
export async function runLoad(options: LoadOptions): Promise<CallRecord[]> {
  const { target, userIds, deadlineMs } = options;
  const client = createClient(RecallServiceClient, target);
  const records: CallRecord[] = [];
  try {
    await connected(client);
    await inClosedLoop(options, async (position) => {
      records.push(await callOnce(client, userIds[position % userIds.length]!, deadlineMs));
    });
  } finally {
    client.close();
  }
  return records;
}

export interface SteadyLoadOptions extends Omit<LoadOptions, 'calls' | 'concurrency'> {
  readonly callsPerSecond: number;
  /** Ends the load. */
  readonly until: AbortSignal;
}

/** Calls Recall at a steady rate, whether earlier calls are answered or not, until it is told to stop, and records every call. */
export async function runSteadyLoad(options: SteadyLoadOptions): Promise<CallRecord[]> {
  const { target, userIds, deadlineMs } = options;
  const client = createClient(RecallServiceClient, target);
  const records: CallRecord[] = [];
  try {
    await connected(client);
    await atSteadyRate(options, async (position) => {
      records.push(await callOnce(client, userIds[position % userIds.length]!, deadlineMs));
    });
  } finally {
    client.close();
  }
  return records;
}

async function callOnce(client: RecallServiceClient, userId: string, deadlineMs: number): Promise<CallRecord> {
  const startedAtMs = Date.now();
  const started = performance.now();
  const outcome = await unary(client, 'recall', RecallRequest.fromPartial({ userId }), { deadlineMs }).then(
    (response) => ({ code: 'OK', ...summary(response) }),
    (error: unknown) => ({ ...NO_ANSWER, code: (error as MicError).code }),
  );
  return { startedAtMs, ms: performance.now() - started, userId, ...outcome };
}

const NO_ANSWER = { degraded: false, troubled: '', failure: '', items: 0, releaseId: '', itemIds: [] };

function summary({ degraded, channels, items, releaseId }: RecallResponse) {
  const troubled = channels
    .filter(({ outcome }) => outcome !== 'OUTCOME_OK' && outcome !== 'OUTCOME_EMPTY')
    .map(({ channel, outcome }) => `${channel.replace('CHANNEL_', '')}=${outcome.replace('OUTCOME_', '')}`);
  const failure = channels.find(({ outcome }) => outcome === 'OUTCOME_FAILED')?.message ?? '';
  const itemIds = items.map(({ itemId }) => itemId);
  return { degraded, troubled: troubled.join(','), failure, items: items.length, releaseId, itemIds };
}

/** The value below which a share of the sorted values lies. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** A caller in production has its connection already: the first calls do not wait for it. */
export function connected(client: RecallServiceClient): Promise<void> {
  return new Promise((resolve, reject) => {
    client.waitForReady(Date.now() + 5_000, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}
