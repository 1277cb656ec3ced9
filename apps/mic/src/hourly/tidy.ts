import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EventLog } from '@mic/event-log';
import { openStore } from '@mic/open-store';
import { listReleases } from '@mic/release';
import type { HourlyRun, HourlyState } from './hourly-state';
import type { HourlyOptions } from './hourly-options';

const KEPT_DATASETS = 2;
const KEPT_RUNS = 3;
const KEPT_RELEASES = 3;
/** Datasets and models of hourly runs; others are not touched. */
const RUN_ID = /^h\d{14}$/;

/**
 * Removes what is not needed any more, after the state that does without it is on the disk: segments that are in the dataset,
 * older datasets and models of hourly runs, releases that are neither in the store nor among the newest.
 */
export async function tidy(state: HourlyState, run: HourlyRun, options: HourlyOptions): Promise<void> {
  const { home, store: address, sources, keepLog } = options;
  if (sources.eventLog !== null && !keepLog) {
    await new EventLog(sources.eventLog).remove(run.segments.map((name) => ({ name })));
  }
  await removeOldest(home.datasets, KEPT_DATASETS, [state.dataset]);
  await removeOldest(home.runs, KEPT_RUNS, state.model === null ? [] : [state.model]);
  const store = await openStore({ store: address, readOnly: true });
  const inStore = await store.releases().finally(() => store.close());
  const needed = new Set<string>(inStore.map(({ releaseId }) => releaseId));
  const built = (await listReleases(home.releases)).filter(({ manifest }) => manifest !== null);
  for (const { directory, manifest } of built.slice(0, -KEPT_RELEASES)) {
    if (!needed.has(manifest!.id)) await rm(directory, { recursive: true });
  }
}

/** What a run that did not come to its end has left in a folder, whole or not. */
export async function removeOfRun(folder: string, runId: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    if (name === runId || name.startsWith(`.${runId}.`)) await rm(join(folder, name), { recursive: true });
  }
}

async function removeOldest(folder: string, kept: number, needed: readonly string[]): Promise<void> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => RUN_ID.test(name)).sort();
  for (const name of names.slice(0, -kept)) {
    const path = join(folder, name);
    if (!needed.includes(path)) await rm(path, { recursive: true });
  }
}
