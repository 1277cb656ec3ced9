import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset, synthesize, type Dataset } from '@mic/dataset';
import type { FieldSpec } from '@mic/features';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ENCODER_NAMES } from '../config/encoder-names';
import { parseTrainingConfig } from '../config/parse-config';
import { openModel, saveModel } from '../model-folder';
import { trainModel, type EpochReport, type TrainModelOptions } from '../train-model';
import type { TrainedModel } from '../trained-model';
import { readCheckpoint, writeCheckpoint } from './checkpoint';
import { RunFolder, type RunPlan } from './run-folder';

let folder: string;
let dataset: Dataset;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mic-run-'));
  await synthesize({ users: 200, items: 150, events: 5_000, seed: 4, out: join(folder, 'data') });
  dataset = await openDataset(join(folder, 'data'));
});
afterAll(async () => {
  await dataset.close();
  await rm(folder, { recursive: true, force: true });
});
const dir = (): string => join(folder, 'run');
afterEach(() => rm(dir(), { recursive: true, force: true }));

const SETTINGS = {
  model: { dimension: 8, hidden: 12, longestHistory: 8, contentHidden: 8, fieldDimension: 4, dropout: 0.1 },
  features: { userId: true, profile: true, itemFields: true, itemUsers: true },
  mic: {
    enabled: true,
    every: 2,
    pairs: 16,
    history: 4,
    itemToUser: { weight: 0.1 },
    mined: { weight: 0.1, everySteps: 7, clusters: 4 },
  },
  loop: { batchTargets: 512, epochs: 3, workers: 0, checkpointSeconds: 0, validationShare: 0.2, patience: 2 },
};
const optionsOf = (settings: object = {}): TrainModelOptions => ({
  dataset,
  config: parseTrainingConfig({ ...SETTINGS, ...settings }),
  protocol: 'leave-one-out',
  seed: 3,
});
const PLAN: RunPlan = {
  formatVersion: 1,
  config: optionsOf().config,
  protocol: 'leave-one-out',
  cutMs: null,
  seed: 3,
  parent: null,
  finished: false,
};
class Killed extends Error {}

/** Trains until so many checkpoints are written, and no further. */
async function trainAndKill(run: RunFolder, options: TrainModelOptions, checkpoints: number): Promise<void> {
  let left = checkpoints;
  const killed = trainModel({
    ...options,
    onCheckpoint: async (checkpoint) => {
      await run.save(checkpoint);
      if (--left === 0) throw new Killed();
    },
    onEpoch: (report) => run.log({ kind: 'epoch', ...report }),
  });
  await expect(killed).rejects.toThrow(Killed);
}

function expectSame(a: TrainedModel, b: TrainedModel): void {
  expect(a.info.finalLoss).toBe(b.info.finalLoss);
  expect(a.info.validation).toEqual(b.info.validation);
  expect(a.info.steps).toBe(b.info.steps);
  expect(a.userRows).toEqual(b.userRows);
  expect(a.itemRows).toEqual(b.itemRows);
  expect(a.parameters).toEqual(b.parameters);
  expect(Buffer.from(a.userTower).equals(b.userTower)).toBe(true);
  expect(Buffer.from(a.itemTower).equals(b.itemTower)).toBe(true);
}

describe('an interrupted run', () => {
  it.each(ENCODER_NAMES)('of %s ends as if it had not been, bit for bit', async (encoder) => {
    const options = { ...optionsOf(), config: parseTrainingConfig(SETTINGS, [], encoder) };
    const whole = await trainModel(options);
    const run = await RunFolder.create(dir(), { ...PLAN, config: options.config });
    await trainAndKill(run, options, Math.ceil(whole.info.steps / 2));
    expectSame(await trainModel({ ...options, from: await run.continueFrom() }), whole);
  });

  it('goes on from any step: the first, the last of an epoch, the very last', async () => {
    const options = optionsOf();
    const reports: EpochReport[] = [];
    const whole = await trainModel({ ...options, onEpoch: (report) => void reports.push(report) });
    const perEpoch = reports[0]!.step;
    for (const kill of [1, perEpoch, perEpoch + 1, whole.info.steps]) {
      const run = await RunFolder.create(dir(), PLAN, { restart: true });
      await trainAndKill(run, options, kill);
      const from = await run.continueFrom();
      expect(from!.step).toBe(kill);
      const again: EpochReport[] = [];
      expectSame(await trainModel({ ...options, from, onEpoch: (report) => void again.push(report) }), whole);
      const first = Math.ceil(kill / perEpoch);
      expect(again.map(({ epoch, loss }) => [epoch, loss])).toEqual(
        reports.slice(first - 1).map(({ epoch, loss }) => [epoch, loss]),
      );
    }
  });

  it('does not go on with other data, even of the same size', async () => {
    const run = await RunFolder.create(dir(), PLAN);
    await trainAndKill(run, optionsOf(), 2);
    await synthesize({ users: 200, items: 150, events: 5_000, seed: 9, out: join(folder, 'other') });
    const other = await openDataset(join(folder, 'other'));
    const onOther = trainModel({ ...optionsOf(), dataset: other, from: await run.continueFrom() });
    await expect(onOther).rejects.toMatchObject({ code: 'FAILED_PRECONDITION', message: /of another run/ });
    await other.close();
  });
});

describe('a run folder', () => {
  it('does not give an interrupted run up unasked', async () => {
    const run = await RunFolder.create(dir(), PLAN);
    await run.save({ step: 5, arrays: {}, bytes: {}, rest: {} });
    await expect(RunFolder.create(dir(), PLAN)).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      remedy: expect.stringContaining('--resume'),
    });
    expect((await RunFolder.open(dir())).plan).toEqual(PLAN);
    const fresh = await RunFolder.create(dir(), PLAN, { restart: true });
    expect(await fresh.continueFrom()).toBeNull();
    await fresh.finish();
    expect((await RunFolder.open(dir())).plan.finished).toBe(true);
    await expect(RunFolder.open(folder)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('takes metrics back that were written after the checkpoint, and a line that was cut off', async () => {
    const run = await RunFolder.create(dir(), PLAN);
    for (const step of [10, 20, 30]) await run.log({ kind: 'steps', step });
    await writeFile(join(dir(), 'metrics.jsonl'), '{"kind":"ste', { flag: 'a' });
    await run.save({ step: 20, arrays: {}, bytes: {}, rest: {} });
    await run.continueFrom();
    expect((await run.metrics()).map(({ step }) => step)).toEqual([10, 20]);
  });
});

describe('a checkpoint', () => {
  const checkpoint = (step: number) => ({
    step,
    arrays: { 'a/b': Float32Array.of(1, 2, step) },
    bytes: { c: Uint8Array.of(7) },
    rest: { any: 'thing' },
  });

  it('comes back as it was; the newest whole one counts', async () => {
    await writeCheckpoint(dir(), checkpoint(3));
    await writeCheckpoint(dir(), checkpoint(12));
    const read = (await readCheckpoint(dir()))!;
    expect([read.step, read.arrays, read.rest]).toEqual([12, { 'a/b': Float32Array.of(1, 2, 12) }, { any: 'thing' }]);
    expect([...read.bytes.c!]).toEqual([7]);
  });

  it('whose writer was killed is passed over, and a damaged one is named', async () => {
    await writeCheckpoint(dir(), checkpoint(3));
    await writeCheckpoint(join(dir(), 'aside'), checkpoint(4));
    await rm(join(dir(), 'aside', 'step-4', 'contents.json'));
    const { rename } = await import('node:fs/promises');
    await rename(join(dir(), 'aside', 'step-4'), join(dir(), 'step-4'));
    expect((await readCheckpoint(dir()))!.step).toBe(3);
    await truncate(join(dir(), 'step-3', 'a%2Fb.f32'), 8);
    await expect(readCheckpoint(dir())).rejects.toMatchObject({ code: 'DATA_LOSS', message: /step-3 is damaged/ });
    expect(await readCheckpoint(join(folder, 'nowhere'))).toBeNull();
  });
});

describe('a warm start', () => {
  const short = { loop: { ...SETTINGS.loop, patience: 0, maxSteps: 1 }, mic: { enabled: false } };

  it('begins where the parent ended; new users and items begin as unknown ones', async () => {
    const parent = await trainModel(optionsOf({ loop: { ...SETTINGS.loop, patience: 0 } }));
    await saveModel(dir(), parent);
    const optimiser = { learningRate: 1e-7 };
    const cold = await trainModel({ ...optionsOf({ ...short, optimiser }) });
    const warm = await trainModel({ ...optionsOf({ ...short, optimiser }), parent: await openModel(dir()) });
    expect(warm.info.finalLoss).toBeLessThan(cold.info.finalLoss);
    const far = (a: Float32Array, b: Float32Array) => Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
    expect(far(warm.itemRows, parent.itemRows)).toBeLessThan(1e-5);
    const some = { ...parent, itemIds: parent.itemIds.slice(10), itemRows: parent.itemRows.slice(80) };
    const more = await trainModel({ ...optionsOf({ ...short, optimiser }), parent: some });
    const { maskedItemRow } = parent.signature;
    for (let item = 0; item < 10; item++) {
      expect(far(more.itemRows.slice(item * 8, item * 8 + 8), Float32Array.from(maskedItemRow))).toBeLessThan(1e-5);
    }
    expect(far(more.itemRows.slice(80), parent.itemRows.slice(80))).toBeLessThan(1e-5);
  });

  it('refuses a parent of another make', async () => {
    const parent = await trainModel(optionsOf(short));
    const other = (settings: string[]) =>
      trainModel({ ...optionsOf(), config: parseTrainingConfig({ ...SETTINGS, ...short }, settings), parent });
    await expect(other(['model.dimension=16'])).rejects.toThrow(/of dimension 8/);
    await expect(other(['model.hidden=16'])).rejects.toThrow(/has another size/);
    const { schema } = parent;
    const withItemFields = (itemFields: FieldSpec[], settings: string[] = []) => {
      const config = parseTrainingConfig({ ...SETTINGS, ...short }, settings);
      return trainModel({ ...optionsOf(), config, parent: { ...parent, schema: { ...schema, itemFields } } });
    };
    await expect(withItemFields([...schema.itemFields].reverse())).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringMatching(/^the item fields of the parent model are .*, of this dataset /),
    });
    const renamed = schema.itemFields.map((field, i) => (i === 0 ? { ...field, name: 'another' } : field));
    await expect(withItemFields(renamed)).rejects.toThrow(/are another /);
    await expect(withItemFields(renamed, ['features.itemFields=false'])).rejects.toThrow(/has another size/);
  });
});
