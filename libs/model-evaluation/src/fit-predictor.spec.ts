import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset, synthesize, type Dataset } from '@mic/dataset';
import { loadEncodedFields, loadSplit, parseTrainingConfig, trainModel } from '@mic/training';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { encodeVectors } from './encoded-world';
import { fitPredictor } from './fit-predictor';

let folder: string;
let dataset: Dataset;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mic-predictor-'));
  await synthesize({ users: 300, items: 250, events: 8_000, seed: 6, out: join(folder, 'data') });
  dataset = await openDataset(join(folder, 'data'));
});
afterAll(async () => {
  await dataset.close();
  await rm(folder, { recursive: true, force: true });
});

const newItemShifts = { fieldsAlone: 0, withUsers: 0.8 };
const weightsOf = async (validationShare: number) => {
  const knobs = ['loop.workers=0', 'loop.epochs=4', 'model.dimension=16', `loop.validationShare=${validationShare}`];
  const protocol = 'leave-one-out';
  const model = await trainModel({ dataset, config: parseTrainingConfig({}, knobs), protocol, seed: 1 });
  const split = await loadSplit(dataset, { protocol, cutMs: null, ...model.info.config.data });
  const fields = await loadEncodedFields(dataset, model.schema, split.userIds, split.itemIds);
  const histories = split.known;
  const world = { ...(await encodeVectors({ model, fields, histories, newItemShifts })), histories };
  const predictor = await fitPredictor(model, { split, histories: 'frozen' }, { world, fields, newItemShifts });
  return predictor!.weights;
};

it('chooses weights by hits on events that the histories do not have', async () => {
  const weights = await weightsOf(0.9);
  // The grid begins with 1 : 0 : 0, where it stays as long as nothing is hit.
  expect(weights).not.toEqual([1, 0, 0]);
  expect(await weightsOf(0)).toEqual([1, 1, 1]);
});
