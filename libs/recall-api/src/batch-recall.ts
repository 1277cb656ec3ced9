import { MicError } from '@mic/domain';
import type { BatchRecallResult } from '@mic/contracts';
import type { RecallRequest, RecallService } from '@mic/recall';
import { BATCH_CONCURRENCY, BATCH_DEADLINE_SHARE } from './limits';
import { recallAnswer, type DefectListener } from './recall-answer';

/**
 * Runs checked requests a few at a time under one deadline; results are in the order of the requests. A request whose
 * turn does not come in time, or that fails, has its error as result.
 * @param deadlineMs time left for the whole batch, in milliseconds; Infinity when there is no limit.
 */
export async function batchRecall(
  recall: RecallService,
  requests: readonly RecallRequest[],
  deadlineMs: number,
  signal: AbortSignal,
  onDefect: DefectListener,
): Promise<BatchRecallResult[]> {
  const endMs = performance.now() + deadlineMs * BATCH_DEADLINE_SHARE;
  const results = new Array<BatchRecallResult>(requests.length);
  let next = 0;
  const run = (request: RecallRequest): Promise<BatchRecallResult> =>
    recallAnswer(
      async () => {
        const leftMs = endMs - performance.now();
        if (leftMs <= 0) {
          throw new MicError('DEADLINE_EXCEEDED', "this request's turn did not come before the deadline of the batch", {
            remedy: 'send fewer users a call, or allow more time',
          });
        }
        if (signal.aborted) throw new MicError('CANCELLED', 'the batch was cancelled');
        return recall.recall(request, leftMs, signal);
      },
      request.requestId,
      onDefect,
    );
  const worker = async (): Promise<void> => {
    while (next < requests.length) {
      const index = next++;
      results[index] = await run(requests[index]!);
    }
  };
  await Promise.all(Array.from({ length: Math.min(BATCH_CONCURRENCY, requests.length) }, worker));
  return results;
}
