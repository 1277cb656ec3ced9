import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Graph, toOnnx } from '@mic/autodiff';
import { openDataset, synthesize, type Dataset } from '@mic/dataset';
import { openRelease, RELEASE_FILES as FILES, verifyRelease, type Manifest } from '@mic/release';
import { parseTrainingConfig, trainModel, type EncoderName, type TrainedModel } from '@mic/training';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseBuildConfig } from '../build-config';
import { buildRelease } from '../build-release';
import { openExternalModel } from './external-model';

let folder: string;
let dataset: Dataset;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mic-round-trip-'));
  await synthesize({ users: 80, items: 60, events: 1_500, seed: 5, out: join(folder, 'data') });
  dataset = await openDataset(join(folder, 'data'));
});
afterAll(async () => {
  await dataset.close();
  await rm(folder, { recursive: true, force: true });
});

const config = parseBuildConfig({ u2uLength: 5, i2iLength: 8 });
const directoryOf = ({ id }: Manifest): string => join(folder, 'releases', id);
const again = (manifest: Manifest) => {
  const [userTower, itemTower, signature] = [FILES.userTower, FILES.itemTower, FILES.towerSignature].map((path) =>
    join(directoryOf(manifest), path),
  ) as [string, string, string];
  return openExternalModel({ userTower, itemTower, signature }, dataset);
};
const build = (
  model: Awaited<ReturnType<typeof again>> | TrainedModel,
  parent: Manifest | null = null,
  settings = {},
) =>
  Promise.resolve(parent && openRelease(directoryOf(parent))).then((opened) =>
    buildRelease({
      model,
      dataset,
      releasesDir: join(folder, 'releases'),
      config: { ...config, ...settings },
      parent: opened,
    }),
  );

describe.each(['pooled', 'gru4rec', 'multi-interest'] as EncoderName[])('a release of %s', (encoder) => {
  let first: Manifest;
  beforeAll(async () => {
    const training = parseTrainingConfig({
      encoder,
      model: { longestHistory: 8 },
      loop: { maxSteps: 10, batchTargets: 64, workers: 0 },
      data: { coldItems: 0.1 },
    });
    first = await build(await trainModel({ dataset, config: training, protocol: 'leave-one-out', seed: 4 }));
  });

  it('is what it was made of: its own towers and signature give it again, byte for byte', async () => {
    const model = await again(first);
    expect(model.notes).toEqual([]);
    const second = await build(model);
    expect(second.id).not.toBe(first.id);
    expect(second.files).toEqual(first.files);
    expect([second.encoder, second.quality]).toEqual([first.encoder, first.quality]);
    expect(second.training).toMatchObject({ source: 'external', protocol: 'leave-one-out' });
    expect((await verifyRelease(directoryOf(second))).ok).toBe(true);
    const third = await build(await again(second), first);
    expect(third.gate.checks.find(({ name }) => name === 'parent.topOverlap')!.value).toBe(1);
    expect(third.gate.checks.find(({ name }) => name === 'parent.hitRate')!.note).toBeUndefined();
  });
});

it.each([80, 40])(
  'what is held out of %i users is asked for in the rows of the towers, whatever their order',
  async (evaluatedUsers) => {
    const config = parseTrainingConfig({ loop: { maxSteps: 20, batchTargets: 64, workers: 0 } });
    const model = await trainModel({ dataset, config, protocol: 'leave-one-out', seed: 4 });
    const first = await build(model, null, { evaluatedUsers });
    const { idDimension } = model.signature;
    const rowOf = (user: number) => model.userRows.subarray(user * idDimension, (user + 1) * idDimension);
    const userRows = new Float32Array(model.userRows.length);
    const userIds = [...model.userIds].reverse();
    userIds.forEach((_, row) => {
      userRows.set(rowOf(userIds.length - 1 - row), row * idDimension);
    });
    const second = await build({ ...model, userIds, userRows }, null, { evaluatedUsers });
    expect(second.quality.users).toBe(evaluatedUsers);
    for (const list of ['u2i', 'u2u2i', 'u2i2i', 'popularity']) {
      expect(second.quality.metrics[list]!['HR@10']).toBeCloseTo(first.quality.metrics[list]!['HR@10']!, 6);
    }
    expect(first.quality.metrics.u2i!['HR@10']).toBeGreaterThan(0.2);
  },
);

it('names the first item whose vector is no unit vector', async () => {
  const config = parseTrainingConfig({ loop: { maxSteps: 1, batchTargets: 64, workers: 0 } });
  const model = await trainModel({ dataset, config, protocol: 'none', seed: 1 });
  const graph = new Graph();
  const rows = graph.input('item_row', 'float32', ['batch', 64]);
  graph.input('fields', 'int64', ['batch', model.signature.itemFieldsWidth]);
  graph.input('users_pooled', 'float32', ['batch', 64]);
  graph.output('item_vectors', graph.mul(rows, graph.scalar(1)));
  // Every row is a unit vector but that of item 7.
  const itemRows = new Float32Array(60 * 64).map((_, i) => Number(i % 64 === 0));
  itemRows[7 * 64] = 3;
  await expect(build({ ...model, itemRows, itemTower: toOnnx(graph) })).rejects.toMatchObject({
    code: 'FAILED_PRECONDITION',
    message: `the item tower gives item "${model.itemIds[7]}" a vector of length 3, not 1`,
  });
  const signature = { ...model.signature, normalise: true };
  expect((await build({ ...model, itemRows, signature, itemTower: toOnnx(graph) })).counts.items).toBe(60);
});

it('the signature of a release names what is beside it', async () => {
  const trained = await trainModel({
    dataset,
    config: parseTrainingConfig({ loop: { maxSteps: 1, batchTargets: 64, workers: 0 } }),
    protocol: 'none',
    seed: 1,
  });
  const manifest = await build(trained);
  const text = await readFile(join(directoryOf(manifest), FILES.towerSignature), 'utf8');
  expect(JSON.parse(text)).toMatchObject({
    formatVersion: 2,
    encoder: 'pooled',
    userTower: {
      inputs: {
        user_row: { dtype: 'float32', shape: ['batch', 64] },
        history: { dtype: 'int64', shape: ['batch', 50] },
      },
      outputs: { user_vectors: { dtype: 'float32', shape: ['batch', 1, 64] } },
    },
    features: '../features/schema.json',
    files: {
      userIds: '../users/ids.utf8',
      userRows: '../users/embeddings.f32',
      itemIds: '../items/ids.utf8',
      itemRows: '../items/embeddings.f32',
    },
    training: { protocol: 'none', seed: 1, historyCap: 1000, coldItems: 0 },
  });
});
