import type { RecallRequest, RecallServiceClient } from '@mic/contracts';
import type { MicError } from '@mic/domain';
import { isFromService, unary } from '@mic/rpc';
import type { OutcomeCall, Patience } from './outcomes-figures';
import { outcomesOf, violationsOf, type Expected } from './outcomes-judge';
import { epochMs } from './own-delay';

/** Calls Recall as any caller does, and holds the answer against what is expected of it. */
export async function judgedCall(
  client: RecallServiceClient,
  request: RecallRequest,
  { deadlineMs, graceMs }: Patience,
  expected: Expected,
): Promise<OutcomeCall> {
  const startedAtMs = epochMs();
  try {
    const response = await unary(client, 'recall', request, { deadlineMs, graceMs });
    const ms = epochMs() - startedAtMs;
    const violations = violationsOf(response, expected);
    const { degraded } = response;
    return { ...ANSWERED, startedAtMs, ms, degraded, outcomes: outcomesOf(response), violations };
  } catch (error) {
    const ms = epochMs() - startedAtMs;
    const { code, message } = error as MicError;
    return { ...FAILED, startedAtMs, ms, code, message, isShed: isShed(error as MicError) };
  }
}

const ANSWERED = { code: 'OK', message: '', isShed: false };
const FAILED = { degraded: false, outcomes: new Map(), violations: [] };

/** True when the service refused the call because too many run. */
const isShed = (error: MicError): boolean =>
  error.code === 'RESOURCE_EXHAUSTED' && isFromService(error) && /^\d+ calls run already/.test(error.message);
