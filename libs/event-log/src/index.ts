export type { LoggedEvent } from './event-line';
export { EventLog, type EventLogBookmark, type Unreadable } from './event-log';
export { EventLogWriter, type EventLogWriterOptions } from './event-log-writer';
export { loggedHistory } from './logged-history';
export type { Segment } from './segments';
export { tellTrouble } from './tell-trouble';
