/** The gRPC status codes that this system answers with; the names are gRPC's own. */
export type ErrorCode =
  | 'CANCELLED'
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'DATA_LOSS';

/** What an error says beside its message. */
export interface MicErrorDetails {
  /** What the reader can do about it: one imperative sentence. */
  readonly remedy?: string;
  /** The request field, file or flag that is at fault, e.g. `n` or `items/vectors.f32`. */
  readonly subject?: string;
  readonly cause?: unknown;
}

/** The one error class of the project: a gRPC code, what is wrong, and what to do about it. */
export class MicError extends Error {
  override readonly name = 'MicError';
  readonly code: ErrorCode;
  readonly remedy: string | undefined;
  readonly subject: string | undefined;

  constructor(code: ErrorCode, message: string, details: MicErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.remedy = details.remedy;
    this.subject = details.subject;
  }
}

/** The error as it is, or wrapped as INTERNAL when it is not one of ours. */
export function toMicError(error: unknown): MicError {
  if (error instanceof MicError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new MicError('INTERNAL', message, { cause: error });
}
