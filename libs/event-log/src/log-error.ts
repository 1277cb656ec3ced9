import { MicError } from '@mic/domain';

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** An error of the file system while the log is written, in our codes. */
export function toLogError(error: unknown, folder: string): MicError {
  if (error instanceof MicError) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (FULL.has(code)) {
    return new MicError('RESOURCE_EXHAUSTED', `the event log in ${folder} cannot grow: ${message}`, {
      subject: 'event log',
      remedy:
        'free space on its disk (closed segments that were exported may go), then repeat the call: it is idempotent',
      cause: error,
    });
  }
  return new MicError('UNAVAILABLE', `the event log in ${folder} cannot be written: ${message}`, {
    subject: 'event log',
    remedy: 'see that the folder is there and may be written, then repeat the call: it is idempotent',
    cause: error,
  });
}
