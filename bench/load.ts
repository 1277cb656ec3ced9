import { RecallRequest, RecallServiceClient, type RecallResponse } from '@mic/contracts';
import type { MicError } from '@mic/domain';
import { createClient, unary } from '@mic/rpc';

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
  readonly items: number;
}

/** Calls Recall for one user after the other, a number of them at a time, and records every call. */
export async function runLoad(options: LoadOptions): Promise<CallRecord[]> {
  const { target, userIds, calls, concurrency, deadlineMs, longestMs } = options;
  const client = createClient(RecallServiceClient, target);
  const records: CallRecord[] = [];
  const endAt = Date.now() + longestMs;
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < calls && Date.now() < endAt) {
      const userId = userIds[next++ % userIds.length]!;
      const startedAtMs = Date.now();
      const started = performance.now();
      const outcome = await unary(client, 'recall', RecallRequest.fromPartial({ userId }), { deadlineMs }).then(
        (response) => ({ code: 'OK', ...summary(response) }),
        (error: unknown) => ({ code: (error as MicError).code, degraded: false, troubled: '', items: 0 }),
      );
      records.push({ startedAtMs, ms: performance.now() - started, ...outcome });
    }
  };
  try {
    await connected(client);
    await Promise.all(Array.from({ length: concurrency }, caller));
  } finally {
    client.close();
  }
  return records;
}

function summary({ degraded, channels, items }: RecallResponse) {
  const troubled = channels
    .filter(({ outcome }) => outcome !== 'OUTCOME_OK' && outcome !== 'OUTCOME_EMPTY')
    .map(({ channel, outcome }) => `${channel.replace('CHANNEL_', '')}=${outcome.replace('OUTCOME_', '')}`);
  return { degraded, troubled: troubled.join(','), items: items.length };
}

/** The value below which a share of the sorted values lies. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** A caller in production has its connection already: the first calls do not wait for it. */
function connected(client: RecallServiceClient): Promise<void> {
  return new Promise((resolve, reject) => {
    client.waitForReady(Date.now() + 5_000, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}
