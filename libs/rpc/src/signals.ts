import { constants } from 'node:os';

/**
 * Ends the process in order on SIGTERM and SIGINT: `stop` runs once, then the process exits with 0, or with 1 when
 * `stop` rejects (which is printed). A second signal ends it at once, with 128 + the signal's number.
 * @returns a function that removes the handlers.
 */
export function stopOnSignals(stop: (signal: NodeJS.Signals) => Promise<void>): () => void {
  let stopping = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(128 + constants.signals[signal]);
    stopping = true;
    stop(signal).then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return () => {
    process.off('SIGTERM', onSignal);
    process.off('SIGINT', onSignal);
  };
}
