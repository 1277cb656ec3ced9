import { Graph, toOnnx } from '@mic/autodiff';
import { Random } from '@mic/domain';
import { layoutOf } from '@mic/features';
import { OnnxSession, type OnnxValue } from '@mic/onnx-tower';
import { describe, expect, it } from 'vitest';
import { initialParameters } from './dense-parameters';
import { gradientOf, ITEM_ROWS_GRADIENT, stepModel, symmetricInfoNce, USER_ROWS_GRADIENT } from './step-graph';

const random = new Random(5);
const normals = (count: number, scale = 1) => Float32Array.from({ length: count }, () => random.normal() * scale);

describe('symmetricInfoNce', () => {
  it('is the formula, with log-Q and masked false negatives', async () => {
    const [b, d, temperature] = [4, 3, 0.2];
    const unit = (values: Float32Array) =>
      values.map((value, i) => value / Math.hypot(...values.subarray(i - (i % d), i - (i % d) + d)));
    const [users, items] = [unit(normals(b * d)), unit(normals(b * d))];
    const [userLogQ, itemLogQ] = [normals(b), normals(b)].map((values) => values.map((value) => -Math.abs(value)));
    const mask = new Float32Array(b * b);
    mask[1 * b + 2] = -1e4;

    const graph = new Graph();
    const loss = symmetricInfoNce(graph, graph.input('u', 'float32', [b, d]), graph.input('v', 'float32', [b, d]), {
      userLogQ: graph.input('qu', 'float32', [b, 1]),
      itemLogQ: graph.input('qv', 'float32', [1, b]),
      mask: graph.input('mask', 'float32', [b, b]),
      temperature,
      largestCorrection: 5,
    });
    graph.output('loss', loss);
    const session = await OnnxSession.open(toOnnx(graph), { name: 'spec' });
    const result = await session.run({
      u: { data: users, dims: [b, d] },
      v: { data: items, dims: [b, d] },
      qu: { data: userLogQ!, dims: [b, 1] },
      qv: { data: itemLogQ!, dims: [1, b] },
      mask: { data: mask, dims: [b, b] },
    });
    await session.close();

    const similarity = (i: number, j: number): number => {
      let sum = 0;
      for (let k = 0; k < d; k++) sum += users[i * d + k]! * items[j * d + k]!;
      return sum / temperature;
    };
    const all = [0, 1, 2, 3];
    let expected = 0;
    for (const i of all) {
      const overItems = all.filter((j) => !(i === 1 && j === 2)).map((j) => Math.exp(similarity(i, j) - itemLogQ![j]!));
      const overUsers = all.filter((j) => !(j === 1 && i === 2)).map((j) => Math.exp(similarity(j, i) - userLogQ![j]!));
      const sum = (values: number[]) => values.reduce((a, c) => a + c, 0);
      expected -= Math.log(Math.exp(similarity(i, i) - itemLogQ![i]!) / sum(overItems)) / (2 * b);
      expected -= Math.log(Math.exp(similarity(i, i) - userLogQ![i]!) / sum(overUsers)) / (2 * b);
    }
    expect((result.loss!.data as Float32Array)[0]).toBeCloseTo(expected, 4);
  });
});

describe('the step model', () => {
  it('has the gradients of central finite differences for rows and every parameter', async () => {
    const [b, rows, length] = [8, 6, 3];
    const shape = {
      dimension: 4,
      idDimension: 4,
      fieldDimension: 2,
      hidden: 6,
      longestHistory: length,
      userLayout: layoutOf([{ name: 'age', type: 'numeric', boundaries: [30] }]),
      itemLayout: layoutOf([{ name: 'tags', type: 'multi', vocabulary: ['a', 'b', 'c'], width: 2 }]),
    };
    const parameters = initialParameters(shape, 0.8, 7);
    for (const { values } of parameters.values())
      values.forEach((value, i) => (values[i] = value + random.normal() * 0.3));
    const model = stepModel({ shape, parameters, batchSize: b, itemUsers: 2, temperature: 0.5, largestCorrection: 1 });
    const session = await OnnxSession.open(model, { name: 'spec' });
    const integers = (count: number, below: number) =>
      BigInt64Array.from({ length: count }, () => BigInt(random.below(below)));
    const feeds: Record<string, OnnxValue> = {
      user: { data: integers(b, rows), dims: [b] },
      item: { data: integers(b, rows), dims: [b] },
      // filled from the front: some lists are empty
      history: {
        data: BigInt64Array.from({ length: b * length }, (_, i) => BigInt(i % length <= i % 4 ? 1 + (i % 5) : 0)),
        dims: [b, length],
      },
      users: {
        data: BigInt64Array.from({ length: b * 2 }, (_, i) => (i % 4 < 2 ? BigInt(1 + (i % 5)) : 0n)),
        dims: [b, 2],
      },
      profile: { data: integers(b, 3), dims: [b, 1] },
      fields: { data: BigInt64Array.from({ length: b * 2 }, (_, i) => BigInt(i % 4)), dims: [b, 2] },
      userLogQ: { data: new Float32Array(b).fill(-0.5), dims: [b, 1] },
      itemLogQ: { data: new Float32Array(b).fill(-0.25), dims: [1, b] },
      negatives: { data: new Float32Array(b * b), dims: [b, b] },
      userRows: { data: normals(rows * 4), dims: [rows, 4] },
      itemRows: { data: normals(rows * 4), dims: [rows, 4] },
    };
    for (const [name, { values, shape: dims }] of parameters) feeds[name] = { data: values, dims };
    const result = await session.run(feeds);
    const lossNow = async () => ((await session.run(feeds, ['loss'])).loss!.data as Float32Array)[0]!;
    const sources = new Map([
      ['userRows', USER_ROWS_GRADIENT],
      ['itemRows', ITEM_ROWS_GRADIENT],
      ...[...parameters.keys()].map((name) => [name, gradientOf(name)] as const),
    ]);
    for (const [name, output] of sources) {
      const values = feeds[name]!.data as Float32Array;
      const analytic = result[output]!.data as Float32Array;
      expect(analytic.length).toBe(values.length);
      const largest = Math.max(...analytic.map(Math.abs));
      expect(largest, name).toBeGreaterThan(0);
      const picks = new Set([analytic.findIndex((value) => Math.abs(value) === largest), random.below(values.length)]);
      for (const i of picks) {
        const [x, step] = [values[i]!, 5e-3];
        values[i] = x + step;
        const up = await lossNow();
        values[i] = x - step;
        const down = await lossNow();
        values[i] = x;
        const error = Math.abs((up - down) / (2 * step) - analytic[i]!) / Math.max(largest, 1e-3);
        expect(error, `${name}[${i}]`).toBeLessThan(0.02);
      }
    }
    await session.close();
  });
});
