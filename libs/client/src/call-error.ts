import { MicError, type ErrorCode } from '@mic/domain';
import type { RecallError } from '@mic/contracts';

/** Name of the gRPC status code that a call ended with, as "UNAVAILABLE". */
export type CallErrorCode = ErrorCode;

/**
 * Why a call has no answer. `code` says what kind it is, and so whether repeating helps: UNAVAILABLE and RESOURCE_EXHAUSTED
 * pass, INVALID_ARGUMENT and FAILED_PRECONDITION do not; `message` says what is wrong, `remedy` what to do.
 */
export class MicCallError extends Error {
  override readonly name = 'MicCallError';
  readonly code: CallErrorCode;
  /** What to do about it: one imperative sentence, where there is one. */
  readonly remedy: string | undefined;
  /** The field at fault, as "n" or "inline_history[0].time_ms", where there is one. */
  readonly subject: string | undefined;
  /** The call in the logs of every service; undefined where nothing was called. */
  readonly requestId: string | undefined;

  constructor(error: Pick<MicError, 'code' | 'message' | 'remedy' | 'subject'>, requestId?: string, cause?: unknown) {
    super(error.message, cause === undefined ? undefined : { cause });
    this.code = error.code;
    this.remedy = error.remedy;
    this.subject = error.subject;
    this.requestId = requestId;
  }
}

/** An error as the caller gets it: ours as MicCallError, anything else as it is. */
export function callErrorOf(error: unknown, requestId?: string): unknown {
  return error instanceof MicError ? new MicCallError(error, requestId, error) : error;
}

/** What the service said of one request of several. */
export function callErrorOfResult({ code, message, remedy, subject }: RecallError, requestId: string): MicCallError {
  const told = {
    code: code as CallErrorCode,
    message,
    remedy: remedy === '' ? undefined : remedy,
    subject: subject === '' ? undefined : subject,
  };
  return new MicCallError(told, requestId);
}

/** A value that cannot be sent. */
export function refused(subject: string, message: string, remedy: string): MicError {
  return new MicError('INVALID_ARGUMENT', `${subject} ${message}`, { subject, remedy });
}
