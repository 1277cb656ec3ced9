import { setTimeout as sleep } from 'node:timers/promises';
import { AppendEventsRequest, EventServiceClient } from '@mic/contracts';
import type { MicError } from '@mic/domain';
import { createClient, unary } from '@mic/rpc';

/** An event that no other is like, and what became of it. */
export interface AppendRecord {
  readonly userId: string;
  readonly itemId: string;
  readonly timeMs: number;
  /** When it was sent first. */
  readonly startedAtMs: number;
  /** When it was answered well; null: never. */
  readonly acknowledgedAtMs: number | null;
  /** What each time before was answered with. */
  readonly failures: readonly string[];
  /** Each time that it was sent. */
  readonly sends: readonly { readonly atMs: number; readonly ms: number; readonly failed: boolean }[];
  /** It was there already when it was acknowledged: an earlier time was written though it was answered with an error. */
  readonly isDuplicate: boolean;
}

export interface AppendLoadOptions {
  /** `host:port` of a gateway. */
  readonly target: string;
  readonly userIds: readonly string[];
  readonly eventsPerSecond: number;
  readonly deadlineMs: number;
  /** Ends the load; what is not acknowledged is repeated for `graceMs` more. */
  readonly until: AbortSignal;
  readonly graceMs: number;
  readonly longestMs: number;
}

/** A producer repeats what was not acknowledged: after the first pause, then after twice as long, up to the longest. */
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 2_000;
const FIRST_EVENT_MS = 1_700_000_000_000;
const MOST_IN_FLIGHT = 1_000;

/** Appends single events at a steady rate, repeats each until it is acknowledged, and records all of them. */
export async function runAppendLoad(options: AppendLoadOptions): Promise<AppendRecord[]> {
  const { target, userIds, eventsPerSecond, deadlineMs, until, graceMs, longestMs } = options;
  const client = createClient(EventServiceClient, target);
  const records: AppendRecord[] = [];
  const inFlight = new Set<Promise<void>>();
  const startedAt = performance.now();
  const over = { atMs: Infinity };
  try {
    for (let sent = 0; !until.aborted && performance.now() - startedAt < longestMs;) {
      const due = ((performance.now() - startedAt) / 1_000) * eventsPerSecond;
      while (sent < due && inFlight.size < MOST_IN_FLIGHT) {
        const event = {
          userId: userIds[sent % userIds.length]!,
          itemId: `live item ${sent}`,
          timeMs: FIRST_EVENT_MS + sent++,
        };
        const call = append(client, event, deadlineMs, over).then((record) => {
          records.push(record);
          inFlight.delete(call);
        });
        inFlight.add(call);
      }
      await sleep(1);
    }
    over.atMs = performance.now() + graceMs;
    await Promise.all(inFlight);
  } finally {
    client.close();
  }
  return records;
}

async function append(
  client: EventServiceClient,
  event: Pick<AppendRecord, 'userId' | 'itemId' | 'timeMs'>,
  deadlineMs: number,
  over: { readonly atMs: number },
): Promise<AppendRecord> {
  const startedAtMs = Date.now();
  const failures: string[] = [];
  const sends: AppendRecord['sends'][number][] = [];
  for (;;) {
    const [atMs, started] = [Date.now(), performance.now()];
    const request = AppendEventsRequest.fromPartial({ events: [event] });
    const answer = await unary(client, 'appendEvents', request, { deadlineMs }).catch((error: unknown) => {
      failures.push(problemOf(error as MicError));
      return null;
    });
    sends.push({ atMs, ms: performance.now() - started, failed: answer === null });
    const isDuplicate = answer !== null && answer.duplicates > 0;
    const acknowledgedAtMs = answer ? Date.now() : null;
    if (answer || performance.now() > over.atMs) {
      return { ...event, startedAtMs, acknowledgedAtMs, failures, sends, isDuplicate };
    }
    await sleep(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures.length - 1)));
  }
}

/** Code and message; of a passed deadline the code alone, for the rest are times and ports. */
const problemOf = ({ code, message }: MicError): string =>
  code === 'DEADLINE_EXCEEDED' ? code : `${code}: ${message}`;
