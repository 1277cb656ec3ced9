import { MicError, toMicError, type ErrorCode } from '@mic/domain';
import { EventLog } from '@mic/event-log';
import { withLock } from '@mic/release-build';
import type { HourlyOptions } from './hourly-options';
import {
  HOURLY_STEPS,
  hourlyFolder,
  readHourlyState,
  writeHourlyState,
  type HourlyRun,
  type HourlyState,
  type HourlyStep,
  type HourlySummary,
} from './hourly-state';
import { doStep } from './hourly-steps';
import { findNewData } from './new-data';
import { removeOfRun, tidy } from './tidy';

/**
 * One pass from new events to a published release (ADR 019). It never throws for what goes wrong on the way: the summary says
 * it, and the next run goes on where this one ended, or begins anew where its inputs were at fault.
 */
export async function runHourly(options: HourlyOptions): Promise<HourlySummary> {
  const started = new Date();
  const began = { locked: false, resumed: false };
  const summary = (
    outcome: HourlySummary['outcome'],
    run: HourlyRun | null,
    error: MicError | null = null,
  ): HourlySummary => ({
    outcome,
    runId: run?.id ?? null,
    startedAt: started.toISOString(),
    endedAt: new Date().toISOString(),
    seconds: (Date.now() - started.getTime()) / 1_000,
    resumed: began.resumed,
    newData: run?.newData ?? null,
    steps: run?.done ?? [],
    releaseId: run?.releaseId ?? null,
    gateFailed: run?.gateFailed ?? [],
    error: error && { code: error.code, message: error.message, remedy: error.remedy ?? null },
  });
  try {
    return await withLock(hourlyFolder(options.home), 'an hourly run', async () => {
      began.locked = true;
      const state = await openState(options);
      began.resumed = state.run !== null;
      return pass(state, options, summary);
    });
  } catch (thrown) {
    const error = toMicError(thrown);
    if (error.code === 'INVALID_ARGUMENT' && !began.locked) throw error;
    const isBusy = error.code === 'FAILED_PRECONDITION' && !began.locked;
    return summary(isBusy ? 'busy' : 'failed', null, error);
  }
}

async function openState({ home, data, force }: HourlyOptions): Promise<HourlyState> {
  const state = await readHourlyState(home);
  if (state === null) {
    if (data === null) {
      throw new MicError('FAILED_PRECONDITION', 'this home has had no hourly run yet', {
        subject: 'data',
        remedy: 'give the dataset to begin with: --data DIR',
      });
    }
    const nothing = { takenSegments: [], takenFiles: [], run: null, last: null };
    return { formatVersion: 1, begunWith: data, dataset: data, model: null, ...nothing };
  }
  if (data === null || data === state.begunWith || force) return state;
  throw new MicError('FAILED_PRECONDITION', `the hourly runs of this home began with ${state.begunWith}, not ${data}`, {
    subject: 'data',
    remedy: `leave --data out to go on from ${state.dataset}, or move HOME/hourly away to begin again`,
  });
}

type Summarise = (outcome: HourlySummary['outcome'], run: HourlyRun | null, error?: MicError | null) => HourlySummary;

async function pass(first: HourlyState, options: HourlyOptions, summarise: Summarise): Promise<HourlySummary> {
  const { home } = options;
  let state = first;
  const save = async (next: HourlyState): Promise<void> => {
    state = next;
    await writeHourlyState(home, next);
  };
  const end = async (summary: HourlySummary, more: Partial<HourlyState> = {}): Promise<HourlySummary> => {
    await save({ ...state, ...more, last: summary });
    return summary;
  };
  try {
    state = { ...state, run: state.run ?? (await planRun(state, options)) };
    if (state.run === null) return await end(summarise('nothing-new', null));
    await save(state);
    for (const name of HOURLY_STEPS) {
      if (state.run!.done.some((step) => step.name === name)) continue;
      if (name === 'publish' && (state.run!.gateFailed ?? []).length > 0) break;
      await save({ ...state, run: await timed(name, state, options) });
    }
    const run = state.run!;
    const passed = (run.gateFailed ?? []).length === 0;
    const next = await after(state, run, options, passed);
    const summary = await end(summarise(passed ? 'published' : 'gate-failed', run), next);
    await tidy(state, run, options).catch(tellNotRemoved);
    return summary;
  } catch (thrown) {
    const error = toMicError(thrown);
    const run = state.run;
    const failed = summarise('failed', run, error);
    if (run === null || !isOver(run, error)) return end(failed);
    await end(failed, { run: null });
    for (const made of [home.datasets, home.runs]) await removeOfRun(made, run.id).catch(tellNotRemoved);
    return failed;
  }
}

/** Failures that lie in the inputs or the flags of a run; others, such as a store that is away, may be over when it is gone on with. */
const LIES_IN_INPUTS: ReadonlySet<ErrorCode> = new Set([
  'INVALID_ARGUMENT',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'FAILED_PRECONDITION',
  'ABORTED',
  'DATA_LOSS',
]);

/** Whether a run that failed is not gone on with: the next one plans anew, by its own flags, and takes what this one was to take. */
const isOver = (run: HourlyRun, error: MicError): boolean =>
  LIES_IN_INPUTS.has(error.code) && !run.done.some(({ name }) => name === 'train');

const tellNotRemoved = (error: unknown): void => {
  console.error(`what is not needed any more was not removed: ${toMicError(error).message}`);
};

async function timed(name: HourlyStep, state: HourlyState, options: HourlyOptions): Promise<HourlyRun> {
  const started = performance.now();
  const run = await doStep(name, state, options);
  return { ...run, done: [...run.done, { name, seconds: (performance.now() - started) / 1_000 }] };
}

/** What a run will take, decided once; null where there is nothing to do. */
async function planRun(state: HourlyState, { sources, cold, force }: HourlyOptions): Promise<HourlyRun | null> {
  const found = await findNewData(sources, { segments: state.takenSegments, files: state.takenFiles });
  const isNew = found.segments.length > 0 || found.files.length > 0;
  if (!isNew && !force && state.model !== null) return null;
  const id = `h${new Date().toISOString().replace(/\D/g, '').slice(0, 14)}`;
  return {
    id,
    startedAt: new Date().toISOString(),
    segments: [...found.segments],
    files: [...found.files],
    cold,
    done: [],
    newData: null,
    releaseId: null,
    gateFailed: null,
  };
}

/** The state after a run: its dataset counts in any case, its model only where the release passed. */
async function after(
  state: HourlyState,
  run: HourlyRun,
  { home, sources: { eventLog } }: HourlyOptions,
  passed: boolean,
): Promise<Partial<HourlyState>> {
  const taken = { taken: [...state.takenSegments, ...run.segments] };
  // Segments that are gone need not be known any more.
  const { taken: takenSegments } = eventLog === null ? taken : await new EventLog(eventLog).bookmark(taken, []);
  const replaced = new Set(run.files.map(({ path }) => path));
  return {
    dataset: `${home.datasets}/${run.id}`,
    model: passed ? `${home.runs}/${run.id}` : state.model,
    takenSegments: [...takenSegments],
    takenFiles: [...state.takenFiles.filter(({ path }) => !replaced.has(path)), ...run.files],
    run: null,
  };
}
