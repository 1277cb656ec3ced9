import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { basename } from 'node:path';

/**
 * Gives the thread that calls it the lowest priority, where the system tells threads apart (Linux): it takes only the time
 * that others leave. For threads that end when they are done: without privileges a priority cannot be raised again.
 */
export function runInBackground(): void {
  try {
    setPriority(Number(basename(readlinkSync('/proc/thread-self'))), constants.priority.PRIORITY_LOW);
  } catch {
    // Elsewhere the thread runs like the others.
  }
}
