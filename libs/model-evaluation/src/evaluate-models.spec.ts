import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset, synthesize, type Dataset } from '@mic/dataset';
import type { TestProtocol } from '@mic/evaluation';
import type { FieldSpec } from '@mic/features';
import { parseTrainingConfig, trainModel, type TrainedModel } from '@mic/training';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluateModels, type EvaluateOptions } from './evaluate-models';

let folder: string;
let dataset: Dataset;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mic-evaluate-'));
  await synthesize({ users: 300, items: 250, events: 8_000, seed: 6, out: join(folder, 'data') });
  dataset = await openDataset(join(folder, 'data'));
});
afterAll(async () => {
  await dataset.close();
  await rm(folder, { recursive: true, force: true });
});

const train = (protocol: TestProtocol, seed = 1, settings: string[] = []): Promise<TrainedModel> => {
  const small = ['loop.workers=0', 'loop.epochs=4', 'model.dimension=16', 'model.longestHistory=10'];
  return trainModel({ dataset, config: parseTrainingConfig({}, [...small, ...settings]), protocol, seed });
};
const evaluate = (models: readonly TrainedModel[], protocol: TestProtocol, more: Partial<EvaluateOptions> = {}) =>
  evaluateModels({
    models,
    dataset,
    protocol,
    mask: 'all',
    histories: 'frozen',
    at: [10, 50, 200],
    mostCases: 1_000,
    lengths: { u2uLength: 20, i2iLength: 20, newItemShifts: { fieldsAlone: 0, withUsers: 0.8 } },
    ...more,
  });
const LISTS = ['u2i', 'u2u2i', 'u2i2i', 'merged', 'popularity', 'itemknn', 'ease'];
const NAMES = ['HR@10', 'HR@50', 'HR@200', 'NDCG@10', 'NDCG@50', 'Recall@50', 'MRR@10'];

describe('evaluateModels', () => {
  it.each(['leave-one-out', 'time', 'user-split'] as const)('measures every list under %s', async (protocol) => {
    const report = await evaluate([await train(protocol)], protocol);
    for (const list of LISTS) {
      for (const name of NAMES) {
        const value = report.metrics[list]![name]!;
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(1);
        const { low, high } = report.intervals[list]![name]!;
        expect(low <= value && value <= high).toBe(true);
      }
    }
    expect(report.metrics.u2i!['Recall@10']).toBeGreaterThan(report.metrics.popularity!['Recall@10']!);
    expect(report.differences['merged - u2i']!['HR@50']!.mean).toBeCloseTo(
      report.metrics.merged!['HR@50']! - report.metrics.u2i!['HR@50']!,
      12,
    );
    expect(report.cases).toBeGreaterThan(20);
    expect(report.channels.union.hitRate).toBeGreaterThanOrEqual(report.metrics.merged!['HR@200']! - 1e-9);
    expect(report.catalogue.u2i!.coverage['@50']).toBeGreaterThan(report.catalogue.popularity!.coverage['@50']!);
  });

  it('plays events in the order of time with live histories', async () => {
    const model = await train('time');
    const frozen = await evaluate([model], 'time');
    const live = await evaluate([model], 'time', { histories: 'live' });
    expect(live.cases).toBeGreaterThan(frozen.cases);
    expect(live.histories).toBe('live');
    const repeated = await evaluate([model], 'time', { histories: 'live', mostCases: 50 });
    expect(repeated.cases).toBe(50);
    await expect(evaluate([await train('leave-one-out')], 'leave-one-out', { histories: 'live' })).rejects.toThrow(
      /cannot grow/,
    );
  });

  it('averages models of several seeds, and compares them with others case by case', async () => {
    const models = [await train('leave-one-out'), await train('leave-one-out', 2)];
    const base = [await train('leave-one-out', 1, ['softmax.temperature=1'])];
    const report = await evaluate(models, 'leave-one-out', { against: base });
    expect(report.models.map(({ seed }) => seed)).toEqual([1, 2]);
    const [a, b] = report.models.map(({ metrics }) => metrics.u2i!['HR@50']!);
    expect(report.metrics.u2i!['HR@50']).toBeCloseTo((a! + b!) / 2, 12);
    expect(report.differences['u2i - base']!['HR@50']!.mean).toBeCloseTo(
      (a! + b!) / 2 - report.against[0]!.metrics.u2i!['HR@50']!,
      12,
    );
  });

  it('encodes fields by the schema of each model', async () => {
    const model = await train('leave-one-out');
    const turned = (fields: FieldSpec[]) =>
      fields.map((field) =>
        'vocabulary' in field ? { ...field, vocabulary: [...field.vocabulary].reverse() } : field,
      );
    const { schema } = model;
    const other = {
      ...model,
      schema: { ...schema, userFields: turned(schema.userFields), itemFields: turned(schema.itemFields) },
    };
    const alone = await evaluate([other], 'leave-one-out');
    const beside = await evaluate([model], 'leave-one-out', { against: [other] });
    expect(beside.against).toEqual(alone.models);
    expect(beside.models).not.toEqual(alone.models);
  });

  it('measures items that training has not seen, over their shift', async () => {
    const model = await train('leave-one-out', 1, ['data.coldItems=0.1', 'mask.itemId=0.1', 'loop.epochs=6']);
    const { coldItems, cuts } = await evaluate([model], 'leave-one-out');
    const { cases, demand, withAllUsers, withFirstUsers, fieldsAlone } = coldItems!;
    expect(cases).toBeGreaterThan(5);
    expect(demand).toBeCloseTo(cases / 300, 5);
    expect(cuts.unseenItems!.cases).toBeGreaterThanOrEqual(cases);
    for (const curve of [withAllUsers, withFirstUsers, fieldsAlone]) {
      const exposures = curve.map(({ exposure }) => exposure);
      expect(exposures.at(-1)!).toBeLessThan(exposures[0]!);
      expect(exposures).toEqual([...exposures].sort((a, b) => b - a));
      expect(curve.at(-1)!.otherItems['HR@50']!).toBeGreaterThanOrEqual(curve[0]!.otherItems['HR@50']!);
    }
    expect(withFirstUsers[0]!.metrics['HR@200']!).toBeGreaterThan(0);
    expect((await evaluate([await train('leave-one-out')], 'leave-one-out')).coldItems).toBeNull();
  });

  it('refuses a model that has seen what is tested', async () => {
    const model = await train('leave-one-out');
    await expect(evaluate([model], 'time')).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      remedy: 'train one with `mic train --protocol time`',
    });
    await synthesize({ users: 300, items: 250, events: 8_100, seed: 6, out: join(folder, 'more') });
    const other = await openDataset(join(folder, 'more'));
    await expect(evaluate([model], 'leave-one-out', { dataset: other })).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining('may have seen what is tested'),
    });
    await other.close();
  });
});
