import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importTable } from '@mic/dataset';
import { parseBuildConfig, withLock } from '@mic/release-build';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { homeAt, type Home } from '../home';
import type { HourlyOptions } from './hourly-options';
import { readHourlyState, writeHourlyState, type HourlyRun, type SeenFile } from './hourly-state';
import { runHourly } from './run-hourly';

let folder: string;
let home: Home;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mic-run-hourly-'));
  home = homeAt(join(folder, 'home'));
  const events = { files: 'day-*.csv', columns: { user: 'u', item: 'i', timestamp: 't' }, timestampUnit: 'ms' };
  await write('day-1.csv', 'u,i,t\nann,a,1\nann,b,2\nbob,b,2\nbob,a,3\n');
  await write('schema.json', JSON.stringify({ name: 'days', events }));
  await importTable({ schemaFile: at('schema.json'), out: at('base') });
  await mkdir(home.events, { recursive: true });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, name);
const write = (name: string, text: string): Promise<void> => writeFile(at(name), text);

/** A run that ends, at the latest, when it is to train: such a knob there is not. */
const hourly = (more: Partial<HourlyOptions> = {}) =>
  runHourly({
    home,
    store: home.store,
    limits: {},
    data: at('base'),
    sources: { eventLog: home.events, schemaFile: null },
    trainSettings: ['loop.none=1'],
    encoder: undefined,
    seed: 1,
    buildConfig: parseBuildConfig({}),
    windowMs: undefined,
    keep: 3,
    cold: false,
    force: false,
    keepLog: false,
    ...more,
  });

const RUN: HourlyRun = {
  id: 'h20240102030405',
  startedAt: '2024-01-02T03:04:05.000Z',
  segments: [],
  files: [],
  cold: false,
  done: [],
  newData: null,
  releaseId: null,
  gateFailed: null,
};
/** A run that an earlier process has planned. */
const planned = (run: Partial<HourlyRun>) =>
  writeHourlyState(home, {
    formatVersion: 1,
    begunWith: at('base'),
    dataset: at('base'),
    model: null,
    takenSegments: [],
    takenFiles: [],
    run: { ...RUN, ...run },
    last: null,
  });
const segment = (hour: number): string => `events-20240102T0${hour}0000000Z-0000000000000000.jsonl`;
const line = (userId: string): string => `{"user_id":"${userId}","item_id":"a","time_ms":9,"weight":1}\n`;

const folders = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
const seen = async (name: string): Promise<SeenFile> => {
  const { size, mtimeMs } = await stat(at(name));
  return { path: at(name), bytes: size, changedMs: mtimeMs };
};

describe('an hourly run', () => {
  it('that fails for what it was given before it has trained is over: the next one plans anew, and takes the same and more', async () => {
    await writeFile(join(home.events, segment(1)), line('zoe'));
    const first = await hourly();
    expect(first).toMatchObject({ outcome: 'failed', resumed: false, newData: { users: 1 } });
    expect(first.error).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('"none"') });
    expect(await readHourlyState(home)).toMatchObject({ run: null, takenSegments: [], dataset: at('base') });
    expect([await folders(home.datasets), await folders(home.runs)]).toEqual([[], []]);
    await writeFile(join(home.events, segment(2)), line('kim'));
    expect(await hourly()).toMatchObject({ resumed: false, newData: { users: 2 } });
  });

  it('that fails for a file is over, and nothing of it is taken', async () => {
    await write('day-2.csv', 'u,i,t\nann,a,soon\n');
    const sources = { eventLog: null, schemaFile: at('schema.json') };
    expect(await hourly({ sources })).toMatchObject({ outcome: 'failed', error: { code: 'FAILED_PRECONDITION' } });
    expect(await readHourlyState(home)).toMatchObject({ run: null, takenFiles: [] });
  });

  it('that has trained, or fails for a store that is away, is gone on with', async () => {
    const files = [await seen('day-1.csv')];
    const done = (['dataset', 'history', 'train'] as const).map((name) => ({ name, seconds: 1 }));
    await planned({ files, done });
    expect(await hourly()).toMatchObject({ outcome: 'failed', resumed: true, runId: RUN.id });
    expect((await readHourlyState(home))?.run).toMatchObject({ id: RUN.id, files });
    await writeFile(join(home.events, segment(1)), line('zoe'));
    await planned({ segments: [segment(1)] });
    const away = await hourly({ store: 'redis://127.0.0.1:1' });
    expect(away).toMatchObject({ outcome: 'failed', runId: RUN.id, error: { code: 'UNAVAILABLE' } });
    expect((await readHourlyState(home))?.run).toMatchObject({ id: RUN.id });
  });

  const ofFiles = { files: [{ path: '/day-9.csv', bytes: 1, changedMs: 1 }] };
  it.each<[flag: string, run: Partial<HourlyRun>]>([
    ['--schema', ofFiles],
    ['--schema', { ...ofFiles, done: [{ name: 'dataset', seconds: 1 }] }],
    ['--event-log', { segments: [segment(1)] }],
  ])('is not gone on with without its %s: what is of it would count as taken', async (flag, run) => {
    await planned(run);
    const { outcome, error } = await hourly({ sources: { eventLog: null, schemaFile: null } });
    expect([outcome, error?.code]).toEqual(['failed', 'FAILED_PRECONDITION']);
    expect(error?.remedy).toContain(flag);
    expect(await readHourlyState(home)).toMatchObject({ run: null, takenFiles: [], takenSegments: [] });
  });

  it('says that another one is at work where it is so, and what is wrong with its folder otherwise', async () => {
    await writeFile(join(home.dir, 'hourly'), 'a file');
    const { outcome, error } = await hourly();
    expect([outcome, error?.message]).toEqual(['failed', expect.stringContaining('EEXIST')]);
    await rm(join(home.dir, 'hourly'));
    await withLock(join(home.dir, 'hourly'), 'a spec', async () => {
      expect(await hourly()).toMatchObject({ outcome: 'busy', error: { code: 'FAILED_PRECONDITION' } });
    });
  }, 20_000);

  it('takes the segments that are left of those it has planned, and says how many are gone', async () => {
    await writeFile(join(home.events, segment(2)), line('zoe'));
    await planned({ segments: [segment(1), segment(2), segment(3)] });
    const { resumed, newData } = await hourly();
    expect(resumed).toBe(true);
    expect(newData).toMatchObject({ events: 1, users: 1, missingSegments: 2 });
  });
});
