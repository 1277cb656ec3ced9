import type { Command } from 'commander';

/** A command of the line. */
export interface CommandEntry {
  /** What it is called by, its alias too. */
  readonly names: readonly string[];
  /** Gives way to what serves on the same machine, from its first instruction. */
  readonly isBatchJob?: boolean;
  /** Loads it and what it needs: half a second for all of them, a fraction of it for one. */
  readonly load: () => Promise<Command>;
}

/** All commands, in the order in which the help lists them. */
export const COMMANDS: readonly CommandEntry[] = [
  { names: ['data'], load: async () => (await import('./commands/data')).dataCommand() },
  { names: ['train'], isBatchJob: true, load: async () => (await import('./commands/train')).trainCommand() },
  { names: ['evaluate'], load: async () => (await import('./commands/evaluate')).evaluateCommand() },
  { names: ['tune'], load: async () => (await import('./commands/tune')).tuneCommand() },
  { names: ['build'], isBatchJob: true, load: async () => (await import('./commands/build')).buildCommand() },
  { names: ['releases', 'release'], load: async () => (await import('./commands/releases')).releasesCommand() },
  { names: ['publish'], isBatchJob: true, load: async () => (await import('./commands/publish')).publishCommand() },
  { names: ['rollback'], load: async () => (await import('./commands/rollback')).rollbackCommand() },
  { names: ['hourly'], isBatchJob: true, load: async () => (await import('./commands/hourly')).hourlyCommand() },
  { names: ['history'], load: async () => (await import('./commands/history')).historyCommand() },
  { names: ['events'], load: async () => (await import('./commands/events')).eventsCommand() },
  { names: ['items'], load: async () => (await import('./commands/items')).itemsCommand() },
  { names: ['up'], load: async () => (await import('./commands/up')).upCommand() },
  { names: ['serve'], load: async () => (await import('./commands/serve')).serveCommand() },
  { names: ['recall'], load: async () => (await import('./commands/recall')).recallCommand() },
  { names: ['replay'], load: async () => (await import('./commands/replay')).replayCommand() },
  { names: ['demo'], load: async () => (await import('./commands/demo')).demoCommand() },
];
