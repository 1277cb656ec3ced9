import { mkdtemp, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Graph, toOnnx, type Tensor } from '@mic/autodiff';
import { openDataset, synthesize, type Dataset } from '@mic/dataset';
import { itemPopularity, leaveOneOut, popularityRecommender } from '@mic/evaluation';
import { Random } from '@mic/domain';
import { OnnxSession, type OnnxValue } from '@mic/onnx-tower';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENCODER_NAMES } from '../config/encoder-names';
import { parseTrainingConfig } from '../config/parse-config';
import type { EncodedFields } from '../data/encoded-fields';
import { PartAssembler } from '../data/part-assembler';
import { loadSplit } from '../data/load-split';
import { holdOutForValidation } from '../data/validation';
import { openModel, saveModel } from '../model-folder';
import { ENCODERS } from '../model/encoders';
import { tokenContent, userVectors } from '../model/model';
import { ExportScope } from '../model/scope';
import { encodeItems, encodeUsers } from '../tower-encoder';
import { loadEncodedFields, trainModel, type EpochReport } from '../train-model';
import { Trainer } from './trainer';

let folder: string;
let dataset: Dataset;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mic-trainer-'));
  await synthesize({ users: 300, items: 200, events: 9_000, seed: 4, out: join(folder, 'data') });
  dataset = await openDataset(join(folder, 'data'));
});
afterAll(async () => {
  await dataset.close();
  await rm(folder, { recursive: true, force: true });
});

const NO_FIELDS = { profiles: new Int32Array(0), profileWidth: 0, itemFields: new Int32Array(0), itemFieldsWidth: 0 };
const NO_SCHEMA = { userFields: [], itemFields: [], categoryField: null };
/** Everything switched on, small. */
const EVERYTHING = {
  model: { dimension: 16, hidden: 24, longestHistory: 12, contentHidden: 16, fieldDimension: 4, dropout: 0.1 },
  features: { userId: true, profile: true, itemFields: true, itemUsers: true },
  mask: { userId: 0.1, itemId: 0.1, historyId: 0.1 },
  softmax: { maskSeen: true },
  mic: {
    enabled: true,
    every: 2,
    pairs: 32,
    history: 8,
    itemToUser: { weight: 0.2 },
    mined: { weight: 0.1, everySteps: 3, clusters: 4 },
  },
  loop: { batchTargets: 256, maxSteps: 8, workers: 0, validateEvery: 100 },
};
const train = (settings: object = {}, seed = 1, onEpoch?: (report: EpochReport) => void) =>
  trainModel({
    dataset,
    config: parseTrainingConfig({ ...EVERYTHING, ...settings }),
    protocol: 'leave-one-out',
    seed,
    onEpoch,
  });

describe('training', () => {
  it('is the same for the same seed, bit for bit, on one thread or two, and another for another', async () => {
    const loop = (workers: number) => ({ loop: { ...EVERYTHING.loop, workers } });
    const [a, b, c] = [await train(loop(0)), await train(loop(2)), await train(loop(0), 2)];
    expect(a.info.steps).toBe(8);
    expect(a.info.finalLoss).toBe(b.info.finalLoss);
    expect(Buffer.from(a.userTower).equals(b.userTower)).toBe(true);
    expect(a.userRows).toEqual(b.userRows);
    expect(a.itemRows).toEqual(b.itemRows);
    expect(c.info.finalLoss).not.toBe(a.info.finalLoss);
  });

  it.each(['pooled', 'multi-decay'])('of %s lowers the loss and beats popularity', async (encoder) => {
    const losses: number[] = [];
    const loop = { epochs: encoder === 'pooled' ? 6 : 40, maxSteps: 0, validationShare: 0.4 };
    const size = { ...EVERYTHING.model, dimension: 32, dropout: 0 };
    const settings = { encoder, mic: {}, model: size, softmax: {}, loop: { ...EVERYTHING.loop, ...loop } };
    const model = await train(settings, 1, ({ loss }) => losses.push(loss));
    expect(losses.at(-1)!).toBeLessThan(losses[0]! - 0.3);
    const split = await loadSplit(dataset, { protocol: 'leave-one-out', cutMs: null, historyCap: 1_000, coldItems: 0 });
    const data = holdOutForValidation(split.train, loop.validationShare, 1);
    const { offsets, itemRows } = data.histories;
    const seen = (user: number) => itemRows.subarray(offsets[user], offsets[user + 1]);
    const popular = popularityRecommender(itemPopularity(data.histories), 10, seen);
    const hits = [...data.validationUsers].filter((user, i) => popular(user).includes(data.validationItems[i]!)).length;
    expect(model.info.validation['HR@10']!).toBeGreaterThan(hits / data.validationUsers.length + 0.1);
  });

  it('stops early when validation does not get better, and keeps the best', async () => {
    const reports: EpochReport[] = [];
    // A learning rate that ruins what the first epochs learnt.
    const optimiser = { learningRate: 0.05, warmUp: 0, finalRate: 1 };
    const loop = { ...EVERYTHING.loop, maxSteps: 0, epochs: 30, validateEvery: 1, validationShare: 0.5, patience: 2 };
    const model = await train({ mic: {}, optimiser, loop }, 1, (report) => reports.push(report));
    const values = reports.map(({ validation }) => validation['NDCG@10']!);
    expect(reports.length).toBeLessThan(30);
    expect(model.info.validation['NDCG@10']).toBe(Math.max(...values));
    expect(values.indexOf(Math.max(...values))).toBe(values.length - 3);
  });

  it('moves the rows of the users of items that play new ones, where nothing else reads them', async () => {
    const features = { ...EVERYTHING.features, userId: false };
    const rowsWith = async (itemId: number) => {
      const mask = { userId: 0, historyId: 0, itemId };
      const { userRows } = await train({ features, mask, mic: { enabled: false } });
      return userRows;
    };
    const [still, moved] = [await rowsWith(0), await rowsWith(0.5)];
    expect(moved).not.toEqual(still);
  });

  const lossesWith = async (mic: object): Promise<string[]> => {
    const reports: EpochReport[] = [];
    await train({ mic: { ...EVERYTHING.mic, ...mic } }, 1, (report) => reports.push(report));
    return Object.keys(reports[0]!.losses).sort();
  };

  it('names the parts of its loss; each of MIC can be switched off alone, and all', async () => {
    const all = ['itemItem', 'itemToUser', 'mined', 'softmax', 'userUser'];
    expect(await lossesWith({})).toEqual(all);
    for (const part of ['userUser', 'itemItem', 'itemToUser', 'mined']) {
      expect(await lossesWith({ [part]: { weight: 0 } })).toEqual(all.filter((name) => name !== part));
    }
    expect(await lossesWith({ enabled: false })).toEqual(['softmax']);
  });
});

describe.each(ENCODER_NAMES)('the exported towers of %s', (encoder) => {
  let trainer: Trainer;
  let fields: EncodedFields;
  beforeAll(async () => {
    const { userIds, itemIds, histories } = await dataset.loadInteractions();
    const schema = await dataset.buildFeatureSchema();
    fields = await loadEncodedFields(dataset, schema, userIds, itemIds);
    trainer = new Trainer(histories, schema, fields, parseTrainingConfig(EVERYTHING, [], encoder), 1);
    await trainer.trainEpoch(0, () => undefined);
  });
  afterAll(() => trainer.close());

  it('give the vectors that training computes, for any length of history and known or unknown users', async () => {
    const { histories } = await dataset.loadInteractions();
    const { shape, store, tables } = trainer.state();
    const { config } = shape;
    // Each user as it was before an event: the first, the second, the thirteenth, the last.
    const windows = [0, 1, 12, 20, Infinity].map((index, user) => {
      const start = histories.offsets[user]!;
      const from = Math.min(start + index, histories.offsets[user + 1]! - 1);
      return { user, from, to: from + 1 };
    });
    const size = {
      users: windows.length,
      length: config.model.longestHistory,
      candidates: 201,
      full: true,
      pairs: 0,
      viewLength: 0,
      mined: false,
    };
    const unmasked = { ...config, mask: { userId: 0, itemId: 0, historyId: 0 } };
    const assembler = new PartAssembler(histories, fields, { ...shape, config: unmasked }, tables, null, windows);
    const request = { windows, size, targetWeight: 1, share: 1, random: new Random(1), mined: null };
    const { feeds } = assembler.assemble(request);

    // The training graph's view of these users, after the slot before the event.
    const weights = await trainer.weights();
    const { signature, userTower } = weights;
    const { dimension } = config.model;
    const rowsOf = (masked: readonly number[], rows: Float32Array): OnnxValue => ({
      data: Float32Array.from([...masked, ...rows]),
      dims: [1 + rows.length / dimension, dimension],
    });
    const graph = new Graph();
    const scope = new ExportScope(graph, store);
    const all: Record<string, OnnxValue> = {
      ...feeds,
      itemRows: rowsOf(signature.maskedItemRow, weights.itemRows),
      userRows: rowsOf(signature.maskedUserRow, weights.userRows),
      user: { data: BigInt64Array.from(windows, ({ user }) => BigInt(user + 1)), dims: [windows.length] },
    };
    const used: Record<string, OnnxValue> = {};
    const input = (name: string): Tensor => {
      const value = all[name]!;
      used[name] = value;
      return graph.input(name, value.data instanceof Float32Array ? 'float32' : 'int64', value.dims);
    };
    const content = tokenContent(scope, shape, { fields: input('itemFields'), users: null })!;
    const inputs = {
      tokens: graph.add(
        graph.gather(input('itemRows'), input('history')),
        graph.gather(content, input('historyItems')),
      ),
      present: input('present'),
      userRow: graph.gather(input('userRows'), input('user')),
      profile: input('profile'),
    };
    graph.output('vectors', userVectors(scope, shape, inputs, ENCODERS[encoder].positions));
    const session = await OnnxSession.open(toOnnx(graph), { name: 'spec' });
    const trained = await session.run(used);
    await session.close();

    const cut = windows.map(({ user, from }) => histories.itemRows.subarray(histories.offsets[user], from));
    const offsets = Uint32Array.of(
      0,
      ...cut.map((_, i) => cut.slice(0, i + 1).reduce((sum, rows) => sum + rows.length, 0)),
    );
    const itemRows = Uint32Array.from(cut.flatMap((rows) => [...rows]));
    const before = { ...histories, userCount: windows.length, offsets, itemRows };
    const exported = await encodeUsers(userTower, { ...weights, ...fields, histories: before });
    const vectors = trained.vectors!.data as Float32Array;
    const perUser = vectors.length / windows.length;
    const width = signature.vectorsPerUser * dimension;
    const last = windows.flatMap((_, u) => [...vectors.subarray((u + 1) * perUser - width, (u + 1) * perUser)]);
    expect(exported.length).toBe(last.length);
    exported.forEach((value, i) => {
      expect(Math.abs(value - last[i]!)).toBeLessThan(1e-5);
    });
  });

  it('have the mask row for an item that no training event has', async () => {
    const { histories } = await dataset.loadInteractions();
    const { train: rest } = leaveOneOut(histories);
    const untouched = { ...rest, itemCount: rest.itemCount + 1 };
    const more = { ...fields, itemFields: new Int32Array(untouched.itemCount * fields.itemFieldsWidth) };
    const schema = await dataset.buildFeatureSchema();
    const config = parseTrainingConfig(EVERYTHING, ['loop.maxSteps=1'], encoder);
    const other = new Trainer(untouched, schema, more, config, 1);
    await other.trainEpoch(0, () => undefined);
    const weights = await other.weights();
    const vectors = await encodeItems(weights.itemTower, { ...weights, ...more, histories: untouched });
    await other.close();
    expect([...weights.itemRows.subarray(-16)]).toEqual(weights.signature.maskedItemRow);
    expect([...weights.itemRows.subarray(0, 16)]).not.toEqual(weights.signature.maskedItemRow);
    for (let item = 0; item < 201; item++)
      expect(Math.hypot(...vectors.subarray(item * 16, item * 16 + 16))).toBeCloseTo(1, 5);
  });
});

it('stops with what to try when the numbers break', async () => {
  const { histories } = await dataset.loadInteractions();
  const config = parseTrainingConfig({ loop: { workers: 0, epochs: 1 } });
  const trainer = new Trainer(histories, NO_SCHEMA, NO_FIELDS, config, 1);
  trainer.state().tables.items.fill(Infinity);
  const broken = trainer.trainEpoch(0, () => undefined);
  await expect(broken).rejects.toMatchObject({ code: 'ABORTED', remedy: expect.stringContaining('learningRate') });
  await trainer.close();
});

describe('a model folder', () => {
  it('gives back what was saved, and says what is wrong with it', async () => {
    const dir = join(folder, 'model');
    const model = await train();
    await saveModel(dir, model);
    const opened = await openModel(dir);
    expect({ ...opened, userTower: 0, itemTower: 0 }).toEqual({ ...model, userTower: 0, itemTower: 0 });
    expect(Buffer.from(opened.userTower).equals(model.userTower)).toBe(true);
    await truncate(join(dir, 'user-rows.f32'), 400);
    await expect(openModel(dir)).rejects.toMatchObject({ code: 'DATA_LOSS', remedy: 'train it again' });
    await saveModel(dir, model);
    await rm(join(dir, 'item.onnx'));
    await expect(openModel(dir)).rejects.toMatchObject({ code: 'DATA_LOSS' });
    await expect(openModel(folder)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect((await readFile(join(dir, 'model.json'), 'utf8')).includes('"encoder": "pooled"')).toBe(true);
  });
});

it('too few events are refused', () => {
  const none = {
    userCount: 1,
    itemCount: 1,
    offsets: Uint32Array.of(0, 3),
    itemRows: new Uint32Array(3),
    timesMs: new Float64Array(3),
    weights: new Float32Array(3),
  };
  expect(() => new Trainer(none, NO_SCHEMA, NO_FIELDS, parseTrainingConfig({}), 1)).toThrow(/3 events are too few/);
});

it('a model without any field trains and encodes', async () => {
  const { histories } = await dataset.loadInteractions();
  const config = parseTrainingConfig({ loop: { maxSteps: 3, workers: 0 } });
  const trainer = new Trainer(histories, NO_SCHEMA, NO_FIELDS, config, 1);
  await trainer.trainEpoch(0, () => undefined);
  const weights = await trainer.weights();
  const vectors = await encodeUsers(weights.userTower, { ...weights, ...NO_FIELDS, histories });
  expect(vectors.length).toBe(300 * 64);
  expect(vectors.every(Number.isFinite)).toBe(true);
  await trainer.close();
});
