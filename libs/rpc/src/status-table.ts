import { status } from '@grpc/grpc-js';
import type { ErrorCode } from '@mic/domain';

/** The one table from error codes to gRPC status numbers; a code without a row does not compile. */
export const STATUS_OF_CODE = {
  CANCELLED: status.CANCELLED,
  INVALID_ARGUMENT: status.INVALID_ARGUMENT,
  DEADLINE_EXCEEDED: status.DEADLINE_EXCEEDED,
  NOT_FOUND: status.NOT_FOUND,
  ALREADY_EXISTS: status.ALREADY_EXISTS,
  RESOURCE_EXHAUSTED: status.RESOURCE_EXHAUSTED,
  FAILED_PRECONDITION: status.FAILED_PRECONDITION,
  ABORTED: status.ABORTED,
  UNIMPLEMENTED: status.UNIMPLEMENTED,
  INTERNAL: status.INTERNAL,
  UNAVAILABLE: status.UNAVAILABLE,
  DATA_LOSS: status.DATA_LOSS,
} as const satisfies Record<ErrorCode, status>;

const CODE_OF_STATUS = new Map<status, ErrorCode>(
  (Object.keys(STATUS_OF_CODE) as ErrorCode[]).map((code) => [STATUS_OF_CODE[code], code]),
);

/** The error code of a gRPC status; INTERNAL for a status that this system never sends. */
export function codeOfStatus(number: status): ErrorCode {
  return CODE_OF_STATUS.get(number) ?? 'INTERNAL';
}
