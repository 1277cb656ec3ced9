import { mkdtemp, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Graph, toOnnx, type Tensor } from '@mic/autodiff';
import { openDataset, synthesize, type Dataset } from '@mic/dataset';
import { leaveOneOut, popularityRecommender } from '@mic/evaluation';
import { layoutOf } from '@mic/features';
import { OnnxSession, type OnnxValue } from '@mic/onnx-tower';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EncodedFields } from './batch-assembler';
import { openModel, saveModel } from './model-folder';
import { itemTower, pooledRows, userTower } from './tower-graph';
import { encodeItems, encodeUsers } from './tower-encoder';
import { loadEncodedFields, trainModel, type EpochReport } from './train-model';
import { Trainer } from './trainer';
import { parseTrainingConfig } from './training-config';
import { splitForTraining } from './training-data';

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
const SMALL = { batchSize: 128, longestHistory: 20, itemUsers: 10 };
const train = (settings: object = {}, seed = 1, onEpoch?: (report: EpochReport) => void) =>
  trainModel({
    dataset,
    config: parseTrainingConfig({ ...SMALL, ...settings }),
    protocol: 'leave-one-out',
    seed,
    onEpoch,
  });

describe('training', () => {
  it('is the same for the same seed, bit for bit, and another for another', async () => {
    const [a, b, c] = [await train({ maxSteps: 12 }), await train({ maxSteps: 12 }), await train({ maxSteps: 12 }, 2)];
    expect(a.info.steps).toBe(12);
    expect(a.info.finalLoss).toBe(b.info.finalLoss);
    expect(Buffer.from(a.userTower).equals(b.userTower)).toBe(true);
    expect(a.userRows).toEqual(b.userRows);
    expect(c.info.finalLoss).not.toBe(a.info.finalLoss);
  });

  it('lowers the loss and beats popularity on the validation events', async () => {
    const losses: number[] = [];
    const model = await train({ epochs: 6, validationShare: 0.4 }, 1, ({ loss }) => losses.push(loss));
    expect(losses.at(-1)!).toBeLessThan(losses[0]! - 0.5);
    const { histories } = await dataset.loadInteractions();
    const data = splitForTraining(histories, 'leave-one-out', model.info.config, 1);
    const popular = popularityRecommender(data.histories, 10);
    const hits = [...data.validationUsers].filter((user, i) => popular(user).includes(data.validationItems[i]!)).length;
    expect(model.info.validation['HR@10']!).toBeGreaterThan(hits / data.validationUsers.length + 0.1);
  });
});

describe('the exported towers', () => {
  let trainer: Trainer;
  let fields: EncodedFields;
  beforeAll(async () => {
    const { userIds, itemIds, histories } = await dataset.loadInteractions();
    const schema = await dataset.buildFeatureSchema();
    fields = await loadEncodedFields(dataset, schema, userIds, itemIds);
    trainer = new Trainer(histories, schema, fields, parseTrainingConfig({ ...SMALL, maxSteps: 20 }), 1);
    await trainer.trainEpoch(1, () => undefined);
  });
  afterAll(() => trainer.close());

  it('give the trained vectors: those of the training graph over the trained rows and parameters', async () => {
    const { histories } = await dataset.loadInteractions();
    const schema = await dataset.buildFeatureSchema();
    const weights = trainer.weights();
    const inputs = { ...weights, ...fields, histories };
    const exported = {
      users: await encodeUsers(weights.userTower, inputs),
      items: await encodeItems(weights.itemTower, inputs),
    };

    const [size, width, length] = [64, 64, SMALL.longestHistory];
    const { parameters, userTable, itemTable } = trainer.state();
    const graph = new Graph();
    const feeds: Record<string, OnnxValue> = {
      users: { data: userTable, dims: [userTable.length / width, width] },
      items: { data: itemTable, dims: [itemTable.length / width, width] },
    };
    const tensors = new Map<string, Tensor>();
    for (const [name, { values, shape }] of parameters) {
      tensors.set(name, graph.input(name, 'float32', shape));
      feeds[name] = { data: values, dims: shape };
    }
    const int64 = (name: string, values: number[]): Tensor => {
      const dims = [size, values.length / size];
      feeds[name] = { data: BigInt64Array.from(values, BigInt), dims };
      return graph.input(name, 'int64', dims);
    };
    const rows = Array.from({ length: size }, (_, i) => i);
    const ids = rows.map((row) => row + 1);
    const flat = (tensor: Tensor) => graph.reshape(tensor, [size]);
    const shape = {
      ...parseTrainingConfig(SMALL),
      userLayout: layoutOf(schema.userFields),
      itemLayout: layoutOf(schema.itemFields),
    };
    const users = graph.input('users', 'float32', ['u', width]);
    const items = graph.input('items', 'float32', ['i', width]);
    const newest = (user: number): number[] => {
      const own = [...histories.itemRows.subarray(histories.offsets[user], histories.offsets[user + 1])].reverse();
      return Array.from({ length }, (_, age) => (age < own.length ? own[age]! + 1 : 0));
    };
    const usersOf = (item: number): number[] => {
      const all: number[] = [];
      for (let user = 0; user < histories.userCount; user++) {
        for (const row of histories.itemRows.subarray(histories.offsets[user], histories.offsets[user + 1])) {
          if (row === item) all.push(user + 1);
        }
      }
      return all;
    };
    const pooled = rows.map(usersOf);
    const longest = Math.max(...pooled.map((list) => list.length));
    const padded = pooled.flatMap((list) => [...list, ...new Array<number>(longest - list.length).fill(0)]);
    const parameterOf = (name: string): Tensor => tensors.get(name)!;
    const codes = (from: Int32Array, count: number) => [...from.subarray(0, size * count)];
    graph.output(
      'userVectors',
      userTower(graph, shape, parameterOf, {
        userRow: graph.gather(users, flat(int64('user', ids))),
        profile: int64('profile', codes(fields.profiles, fields.profileWidth)),
        history: int64('history', rows.flatMap(newest)),
        itemTable: items,
      }),
    );
    graph.output(
      'itemVectors',
      itemTower(graph, shape, parameterOf, {
        itemRow: graph.gather(items, flat(int64('item', ids))),
        fields: int64('fields', codes(fields.itemFields, fields.itemFieldsWidth)),
        usersPooled: pooledRows(graph, users, int64('itemUsers', padded)),
      }),
    );
    const session = await OnnxSession.open(toOnnx(graph), { name: 'spec' });
    const trained = await session.run(feeds);
    await session.close();
    const difference = (a: OnnxValue, b: Float32Array): number =>
      Math.max(...Array.from(a.data as Float32Array, (value, i) => Math.abs(value - b[i]!)));
    expect(difference(trained.userVectors!, exported.users)).toBeLessThan(1e-5);
    expect(difference(trained.itemVectors!, exported.items)).toBeLessThan(1e-5);
  });

  it('have the mask row for an item that no training event has', async () => {
    const { histories } = await dataset.loadInteractions();
    const { train: rest } = leaveOneOut(histories);
    const untouched = { ...rest, itemCount: rest.itemCount + 1 };
    const more = { ...fields, itemFields: new Int32Array(untouched.itemCount * fields.itemFieldsWidth) };
    const schema = await dataset.buildFeatureSchema();
    const other = new Trainer(untouched, schema, more, parseTrainingConfig({ ...SMALL, maxSteps: 2 }), 1);
    await other.trainEpoch(1, () => undefined);
    const { itemRows, signature } = other.weights();
    await other.close();
    expect([...itemRows.subarray(-64)]).toEqual(signature.maskedItemRow);
    expect([...itemRows.subarray(0, 64)]).not.toEqual(signature.maskedItemRow);
  });
});

it('stops with what to try when the numbers break', async () => {
  const { histories } = await dataset.loadInteractions();
  const trainer = new Trainer(histories, NO_SCHEMA, NO_FIELDS, parseTrainingConfig({ ...SMALL, epochs: 1 }), 1);
  trainer.state().itemTable.fill(Infinity);
  const broken = trainer.trainEpoch(1, () => undefined);
  await expect(broken).rejects.toMatchObject({ code: 'ABORTED', remedy: expect.stringContaining('learningRate') });
  await trainer.close();
});

describe('a model folder', () => {
  it('gives back what was saved, and says what is wrong with it', async () => {
    const dir = join(folder, 'model');
    const model = await train({ maxSteps: 2 });
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
  const trainer = new Trainer(histories, NO_SCHEMA, NO_FIELDS, parseTrainingConfig({ ...SMALL, maxSteps: 3 }), 1);
  await trainer.trainEpoch(1, () => undefined);
  const weights = trainer.weights();
  const vectors = await encodeUsers(weights.userTower, { ...weights, ...NO_FIELDS, histories });
  expect(vectors.length).toBe(300 * 64);
  expect(vectors.every(Number.isFinite)).toBe(true);
  await trainer.close();
});
