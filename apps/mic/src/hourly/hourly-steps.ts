import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { extendDataset, importTable, openDataset } from '@mic/dataset';
import { MicError } from '@mic/domain';
import { openStore } from '@mic/open-store';
import { openModel, parseTrainingConfig, RunFolder } from '@mic/training';
import { importHistory } from '../import-history';
import { openParent } from '../open-parent';
import { withProgress } from '../progress';
import { runBuild } from '../run-build';
import { runPublish } from '../run-publish';
import { createRun, runTrain } from '../run-train';
import { storeOptionsOf } from '../store-limits';
import { hourlyFolder, type HourlyRun, type HourlyState, type HourlyStep } from './hourly-state';
import { writeLiveItems } from './live-items-table';
import { additionsOf, checkGiven, eventsOf, newTables, segmentsThere } from './new-data';
import { removeOfRun } from './tidy';
import type { HourlyOptions } from './hourly-options';

type Step = (run: HourlyRun, state: HourlyState, options: HourlyOptions) => Promise<HourlyRun>;

/** Does one step of the run under way, or goes on with it. @returns the run as the step leaves it. */
export function doStep(name: HourlyStep, state: HourlyState, options: HourlyOptions): Promise<HourlyRun> {
  return STEPS[name](state.run!, state, options);
}

const STEPS: Readonly<Record<HourlyStep, Step>> = {
  async dataset(run, state, { home, store, sources, windowMs }) {
    checkGiven(sources, run);
    const out = join(home.datasets, run.id);
    await removeOfRun(home.datasets, run.id);
    const table = join(hourlyFolder(home), 'live-items.jsonl');
    const segments = await segmentsThere(sources, run.segments);
    const liveItems = segments.length > 0 ? await writeLiveItems(store, state.dataset, table) : null;
    const additions = await additionsOf(sources, { ...run, segments }, liveItems);
    const report = await withProgress('dataset', (onProgress) =>
      extendDataset({ base: state.dataset, additions, windowMs, out, onProgress }),
    );
    await rm(table, { force: true });
    const { newEvents, newUsers, newItems, duplicates, expired, bad } = report;
    const badRows = bad.reduce((sum, { count }) => sum + count, 0);
    const missingSegments = run.segments.length - segments.length;
    const found = {
      events: newEvents,
      users: newUsers,
      items: newItems,
      duplicates,
      expired,
      badRows,
      missingSegments,
    };
    return { ...run, newData: found };
  },

  /** Events of the log are in the store; those of files are not, and before the first release nothing may be. */
  async history(run, state, { home, store: address, limits, sources }) {
    checkGiven(sources, run);
    const scratch = join(hourlyFolder(home), 'new-files');
    await rm(scratch, { recursive: true, force: true });
    const isFirst = state.model === null;
    const tables = isFirst || sources.schemaFile === null ? null : await newTables(sources.schemaFile, run.files);
    const events = eventsOf(tables);
    if (!isFirst && events === null) return run;
    if (events !== null) {
      const schemaFile = `${scratch}.json`;
      await writeFile(schemaFile, JSON.stringify(events));
      await importTable({ schemaFile, out: scratch });
      await rm(schemaFile);
    }
    const dataset = await openDataset(isFirst ? join(home.datasets, run.id) : scratch);
    const store = await openStore({ store: address, ...storeOptionsOf(limits) });
    try {
      await withProgress(
        'history',
        (onProgress) => importHistory(dataset, store, onProgress, limits.historyCap),
        'events',
      );
    } finally {
      await store.close();
      await dataset.close();
      await rm(scratch, { recursive: true, force: true });
    }
    return run;
  },

  async train(run, state, { home, encoder, trainSettings, seed }) {
    const out = join(home.runs, run.id);
    const data = join(home.datasets, run.id);
    const begun = await RunFolder.open(out).catch((error: unknown) => {
      if (error instanceof MicError && error.code === 'NOT_FOUND') return null;
      throw error;
    });
    if (begun?.plan.finished) return run;
    if (begun) {
      await runTrain({ data, begin: () => Promise.resolve(begun), resume: true });
      return run;
    }
    const parent = run.cold ? null : state.model;
    const known = parent === null ? undefined : (await openModel(parent)).info.encoder;
    const settings = [...(parent === null ? [] : ['loop.epochs=1']), ...trainSettings];
    const config = parseTrainingConfig({}, settings, encoder ?? known);
    const plan = { config, protocol: 'sampled-last' as const, seed, ...(parent !== null && { parent }) };
    await runTrain({ data, begin: () => createRun(out, plan, true) });
    return run;
  },

  async build(run, _state, { home, store, buildConfig }) {
    const parent = await openParent(home, store, undefined);
    const model = join(home.runs, run.id);
    const data = join(home.datasets, run.id);
    const { id, gate } = await runBuild({ model, data, home, config: buildConfig, parent });
    const gateFailed = gate.checks.filter(({ passed }) => !passed).map(({ name }) => name);
    return { ...run, releaseId: id, gateFailed };
  },

  async publish(run, _state, { home, store, keep }) {
    await runPublish({ home, releaseId: run.releaseId!, store, keep });
    return run;
  },
};
