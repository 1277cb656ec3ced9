import { LOG_LEVELS, type LogLevel } from '@mic/rpc';

/** What the environment says; flags win over it. */
export interface EnvironmentConfig {
  /** MIC_LOG_LEVEL: trace, debug, info, warn, error, fatal or silent. */
  readonly logLevel: LogLevel;
}

/** Reads the environment; a value that is not understood is the default. */
export function environmentConfig(env: NodeJS.ProcessEnv = process.env): EnvironmentConfig {
  return { logLevel: LOG_LEVELS.find((level) => level === env.MIC_LOG_LEVEL) ?? 'info' };
}
