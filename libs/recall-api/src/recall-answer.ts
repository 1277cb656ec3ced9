import type { BatchRecallResult } from '@mic/contracts';
import { MicError } from '@mic/domain';
import type { RecallResult } from '@mic/recall';
import { toWireError, toWireResponse } from './recall-response';

/** Told of errors that are no MicError: defects, whose text the caller does not get. */
export type DefectListener = (error: unknown, requestId: string) => void;

/** The response to one request of several, or the error that it failed with. Never rejects. */
export async function recallAnswer(
  run: () => Promise<RecallResult>,
  requestId: string,
  onDefect: DefectListener,
): Promise<BatchRecallResult> {
  try {
    return { response: toWireResponse(await run()) };
  } catch (error) {
    if (error instanceof MicError) return { error: toWireError(error) };
    onDefect(error, requestId);
    const told = new MicError('INTERNAL', 'internal error', { remedy: 'report it with the request id' });
    return { error: toWireError(told) };
  }
}
