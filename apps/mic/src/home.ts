import { resolve } from 'node:path';

/** Folders of one installation; everything that the product writes lives under its home. */
export interface Home {
  readonly dir: string;
  readonly datasets: string;
  readonly runs: string;
  readonly releases: string;
  readonly store: string;
  /** Log of appended events (ADR 018). */
  readonly events: string;
}

/** Home used where no --home is given. */
export const DEFAULT_HOME = '.mic';

export function homeAt(dir: string): Home {
  const root = resolve(dir);
  return {
    dir: root,
    datasets: `${root}/datasets`,
    runs: `${root}/runs`,
    releases: `${root}/releases`,
    store: `${root}/store`,
    events: `${root}/events`,
  };
}

/** Address of the store: the one given, a folder as an absolute path, or the home's own. */
export function storeOf(home: Home, given: string | undefined): string {
  if (given === undefined) return home.store;
  return given.includes('://') ? given : resolve(given);
}
