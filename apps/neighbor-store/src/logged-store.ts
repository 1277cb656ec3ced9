import { EventLogWriter, loggedHistory, tellTrouble } from '@mic/event-log';
import type { HistoryWriter, LiveItemWriter, NeighborReader, Store } from '@mic/recall';
import { createLogger, type LogLevel } from '@mic/rpc';
import type { config } from './config';

/** What the neighbor-store serves from, and how it is closed. */
export interface LoggedStore extends NeighborReader, HistoryWriter, LiveItemWriter {
  close(): Promise<void>;
}

const DAY_MS = 86_400_000;

/** A store whose appended events are in the event log, too, where the settings name one. @throws MicError when it cannot be written. */
export async function withEventLog(store: Store, settings: ReturnType<typeof config.parse>): Promise<LoggedStore> {
  const { MIC_EVENT_LOG: folder, MIC_EVENT_LOG_KEEP_DAYS: keepDays, MIC_LOG_LEVEL: level } = settings;
  if (folder === undefined) return store;
  const log = await EventLogWriter.open({
    folder,
    keepMs: keepDays === undefined ? undefined : keepDays * DAY_MS,
    onTrouble: tellTrouble(createLogger({ level: level as LogLevel, service: 'neighbor-store' }), folder),
  });
  return {
    userContext: (...call) => store.userContext(...call),
    similarUsersItems: (...call) => store.similarUsersItems(...call),
    usersItems: (...call) => store.usersItems(...call),
    similarItems: (...call) => store.similarItems(...call),
    writeLiveItems: (...call) => store.writeLiveItems(...call),
    appendEvents: loggedHistory(store, log).appendEvents,
    close: async () => {
      await log.close();
      await store.close();
    },
  };
}
