import { resolve } from 'node:path';
import { Option } from 'commander';
import type { Home } from './home';

/** The flags of commands that serve AppendEvents; add both. */
export const EVENT_LOG_OPTION = (): Option =>
  new Option('--event-log <dir>', 'folder for a log of all events that are appended; without it HOME/events');
export const NO_EVENT_LOG_OPTION = (): Option => new Option('--no-event-log', 'write no event log');

/** What the flags say: a folder, or null for no log. */
export function eventLogOf(home: Home, given: string | boolean | undefined): string | null {
  if (given === false) return null;
  return typeof given === 'string' ? resolve(given) : home.events;
}
