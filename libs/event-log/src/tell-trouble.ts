import type { MicError } from '@mic/domain';

/** Where a service logs. */
interface Log {
  error(fields: object, message: string): void;
  info(fields: object, message: string): void;
}

/** Says in a service's log when events cannot be logged, and when they can be again. */
export function tellTrouble(log: Log, folder: string): (trouble: MicError | null) => void {
  return (trouble) => {
    if (trouble === null) log.info({ folder }, 'events are logged again');
    else {
      const { code, message: error, remedy } = trouble;
      log.error(
        { folder, code, error, remedy },
        'events cannot be logged: appends are stored, and answered with an error',
      );
    }
  };
}
