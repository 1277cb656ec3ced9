import { RecallRequest as WireRequest, type RecallStreamRequest, type RecallStreamResponse } from '@mic/contracts';
import { MicError } from '@mic/domain';
import type { RecallService } from '@mic/recall';
import type { CallContext } from '@mic/rpc';
import { within } from '@mic/wire';
import { inOrder } from './in-order';
import { BATCH_CONCURRENCY } from './limits';
import { recallAnswer, type DefectListener } from './recall-answer';
import { toRecallRequest } from './recall-request';

/**
 * A result for each request of a stream, in the same order. At most BATCH_CONCURRENCY of them run or wait for the reader.
 * A request that is wrong or fails has its error as result, whose subject begins with messages[N].
 *
 * @param maxN largest `n` that is answered, asked for with each request.
 * @throws what `requests` throws, behind the results of those before.
 */
export async function* recallStream(
  recall: RecallService,
  requests: AsyncIterable<RecallStreamRequest>,
  { requestId, deadlineLeftMs, signal }: Pick<CallContext, 'requestId' | 'deadlineLeftMs' | 'signal'>,
  maxN: () => number,
  onDefect: DefectListener,
): AsyncGenerator<RecallStreamResponse, void, undefined> {
  const answer = ({ request }: RecallStreamRequest, index: number) => {
    const [message, id] = [`messages[${index}]`, `${requestId}/${index}`];
    const run = async () => {
      const checked = within(message, () => toRecallRequest(request ?? WireRequest.create(), id, maxN()));
      return recall.recall(checked, deadlineLeftMs(), signal).catch((error: unknown) => {
        throw inMessage(message, error);
      });
    };
    return recallAnswer(run, id, onDefect);
  };
  for await (const result of inOrder(requests, BATCH_CONCURRENCY, answer)) yield { result };
}

/** What the recall path says of a field, as of that field of the message. */
function inMessage(message: string, error: unknown): unknown {
  if (!(error instanceof MicError) || error.subject === undefined) return error;
  const subject = `${message}.${error.subject}`;
  return new MicError(error.code, error.message, { subject, remedy: error.remedy, cause: error });
}
