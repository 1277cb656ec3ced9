import { constants, setPriority } from 'node:os';

/** What makes releases gives way to what serves them, where both are on one machine. */
export function asBatchJob(): void {
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Where the system does not allow it the job runs like any other process.
  }
}
