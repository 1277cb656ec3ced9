import { destination, pino, type Logger } from 'pino';

/** Levels of the log, from most to least. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type { Logger };

/**
 * A logger that writes JSON lines to stderr (stdout belongs to results). Every line names the service.
 * Calls are logged at debug, so that a service under load spends nothing on them at info.
 */
export function createLogger(options: { readonly level: LogLevel; readonly service: string }): Logger {
  return pino(
    { level: options.level, base: { service: options.service }, timestamp: pino.stdTimeFunctions.isoTime },
    destination({ fd: 2, sync: true }),
  );
}
