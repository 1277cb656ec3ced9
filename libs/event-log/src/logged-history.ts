import type { HistoryWriter } from '@mic/recall';
import type { EventLogWriter } from './event-log-writer';

/**
 * A history whose events are in the log as well when it answers: all of a call, duplicates and those that are too old, too,
 * for a repetition may be of a call that died between the two (ADR 018).
 */
export function loggedHistory(history: HistoryWriter, log: Pick<EventLogWriter, 'append'>): HistoryWriter {
  return {
    async appendEvents(events, options) {
      const result = await history.appendEvents(events, options);
      await log.append(events);
      return result;
    },
  };
}
