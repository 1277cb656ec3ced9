import { OnnxSession, type OnnxValue } from '@mic/onnx-tower';
import { describe, expect, it } from 'vitest';
import { Graph } from './graph';
import { gradients } from './gradients';
import { GRADIENT_RULES } from './gradient-rules';
import { toOnnx } from './onnx-writer';
import type { Tensor } from './tensor';

/** Deterministic values in -1 .. 1, none close to 0 (kinks), none close to each other. */
function values(count: number, seed: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => {
    const x = Math.sin(seed * 12.9898 + i * 78.233) * 43758.5453;
    const unit = (x - Math.floor(x)) * 2 - 1;
    return Math.abs(unit) < 0.15 ? unit + 0.4 : unit;
  });
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1);

interface Case {
  readonly name: string;
  /** Shapes of the float inputs. */
  readonly shapes: readonly (readonly number[])[];
  readonly build: (graph: Graph, xs: Tensor[]) => Tensor;
  /** Moves the values away from where the function is not defined, e.g. to above 0 for log. */
  readonly map?: (value: number) => number;
}

const positive = (value: number): number => Math.abs(value) + 0.5;
const int64 = (graph: Graph, rows: number[], shape: number[]) =>
  graph.constant(BigInt64Array.from(rows, BigInt), shape);

const CASES: Case[] = [
  { name: 'Add, broadcast', shapes: [[3, 4], [4]], build: (g, [a, b]) => g.add(a!, b!) },
  {
    name: 'Add, scalar and middle axis',
    shapes: [[2, 1, 3], [], [2, 4, 3]],
    build: (g, [a, b, c]) => g.add(g.add(a!, b!), c!),
  },
  {
    name: 'Sub, broadcast both ways',
    shapes: [
      [3, 1],
      [1, 4],
    ],
    build: (g, [a, b]) => g.sub(a!, b!),
  },
  {
    name: 'Mul, broadcast',
    shapes: [
      [2, 3, 4],
      [3, 1],
    ],
    build: (g, [a, b]) => g.mul(a!, b!),
  },
  { name: 'Mul, the same tensor twice', shapes: [[5]], build: (g, [a]) => g.mul(a!, a!) },
  {
    name: 'Div, broadcast',
    shapes: [
      [3, 4],
      [3, 1],
    ],
    build: (g, [a, b]) => g.div(a!, b!),
    map: positive,
  },
  { name: 'Neg', shapes: [[4]], build: (g, [a]) => g.neg(a!) },
  { name: 'Exp', shapes: [[4]], build: (g, [a]) => g.exp(a!) },
  { name: 'Log', shapes: [[4]], build: (g, [a]) => g.log(a!), map: positive },
  { name: 'Sqrt', shapes: [[4]], build: (g, [a]) => g.sqrt(a!), map: positive },
  { name: 'Relu', shapes: [[8]], build: (g, [a]) => g.relu(a!) },
  { name: 'Sigmoid', shapes: [[4]], build: (g, [a]) => g.sigmoid(a!) },
  { name: 'Tanh', shapes: [[4]], build: (g, [a]) => g.tanh(a!) },
  { name: 'Identity', shapes: [[4]], build: (g, [a]) => g.output('named', a!) },
  { name: 'Where (maximum), broadcast', shapes: [[3, 4], [4]], build: (g, [a, b]) => g.maximum(a!, b!) },
  {
    name: 'MatMul',
    shapes: [
      [3, 4],
      [4, 2],
    ],
    build: (g, [a, b]) => g.matmul(a!, b!),
  },
  {
    name: 'MatMul, batch by matrix',
    shapes: [
      [2, 3, 4],
      [4, 5],
    ],
    build: (g, [a, b]) => g.matmul(a!, b!),
  },
  {
    name: 'MatMul, batch by batch',
    shapes: [
      [2, 3, 4],
      [2, 4, 5],
    ],
    build: (g, [a, b]) => g.matmul(a!, b!),
  },
  { name: 'Transpose', shapes: [[2, 3, 4]], build: (g, [a]) => g.transpose(a!, [2, 0, 1]) },
  { name: 'Reshape', shapes: [[2, 6]], build: (g, [a]) => g.reshape(a!, [3, 4]) },
  {
    name: 'Concat',
    shapes: [
      [2, 3],
      [2, 1],
      [2, 2],
    ],
    build: (g, xs) => g.concat(xs, -1),
  },
  { name: 'Slice', shapes: [[2, 5]], build: (g, [a]) => g.slice(a!, 1, 1, 4) },
  {
    name: 'Gather, repeated rows',
    shapes: [[4, 3]],
    build: (g, [a]) => g.gather(a!, int64(g, [2, 0, 2, 2, 1, 0], [2, 3])),
  },
  { name: 'ReduceSum', shapes: [[2, 3, 4]], build: (g, [a]) => g.reduceSum(a!, [1]) },
  { name: 'ReduceSum, kept and two axes', shapes: [[2, 3, 4]], build: (g, [a]) => g.reduceSum(a!, [0, -1], true) },
  { name: 'ReduceSum, kept, one axis', shapes: [[2, 3, 4]], build: (g, [a]) => g.reduceSum(a!, [1], true) },
  { name: 'ReduceSum, axes out of order', shapes: [[2, 3, 4]], build: (g, [a]) => g.reduceSum(a!, [2, 0]) },
  { name: 'reduceMean', shapes: [[2, 3, 4]], build: (g, [a]) => g.reduceMean(a!, [0, 2]) },
  { name: 'Abs', shapes: [[8]], build: (g, [a]) => g.abs(a!) },
  { name: 'Pow', shapes: [[4]], build: (g, [a]) => g.pow(a!, 3) },
  { name: 'Pow, broken exponent', shapes: [[4]], build: (g, [a]) => g.pow(a!, -1.5), map: positive },
  { name: 'Erf', shapes: [[6]], build: (g, [a]) => g.erf(a!) },
  { name: 'gelu', shapes: [[6]], build: (g, [a]) => g.gelu(a!) },
  { name: 'Softmax, last axis', shapes: [[3, 4]], build: (g, [a]) => g.softmax(a!, -1) },
  { name: 'Softmax, first axis', shapes: [[3, 4]], build: (g, [a]) => g.softmax(a!, 0) },
  { name: 'Unsqueeze', shapes: [[2, 3]], build: (g, [a]) => g.unsqueeze(a!, -2) },
  { name: 'Squeeze', shapes: [[2, 1, 3]], build: (g, [a]) => g.squeeze(a!, 1) },
  { name: 'Pad', shapes: [[2, 3]], build: (g, [a]) => g.padZeros(a!, -1, 2, 1) },
  { name: 'Pad by nothing', shapes: [[2, 3]], build: (g, [a]) => g.padZeros(a!, 1, 0, 0) },
  {
    name: 'Expand',
    shapes: [[3, 1]],
    build: (g, [a]) => g.expandLike(a!, g.constant(new Float32Array(24), [2, 3, 4])),
  },
  { name: 'Gather, single axis', shapes: [[4, 3]], build: (g, [a]) => g.gather(a!, int64(g, [3, 3, 0], [3])) },
  { name: 'l2Normalize', shapes: [[3, 4]], build: (g, [a]) => g.l2Normalize(a!) },
  { name: 'logSumExp', shapes: [[3, 4]], build: (g, [a]) => g.logSumExp(a!, 1, 2) },
];

function expectClose(actual: ArrayLike<number>, expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  expected.forEach((value, i) => {
    expect(actual[i]).toBeCloseTo(value, 6);
  });
}

/** A weighted sum of all elements: a scalar whose gradient differs from element to element. */
function weightedSum(graph: Graph, x: Tensor): Tensor {
  const shape = x.shape as number[];
  const weighted = graph.mul(x, graph.constant(values(sizeOf(shape), 7), shape));
  return shape.length === 0
    ? weighted
    : graph.reduceSum(
        weighted,
        shape.map((_, axis) => axis),
      );
}

async function maxRelativeError({ shapes, build, map = (v) => v }: Case): Promise<number> {
  const graph = new Graph();
  const xs = shapes.map((shape, i) => graph.input(`x${i}`, 'float32', shape));
  const loss = weightedSum(graph, build(graph, xs));
  graph.output('loss', loss);
  gradients(graph, loss, xs).forEach((grad, i) => graph.output(`grad${i}`, grad));
  const session = await OnnxSession.open(toOnnx(graph), { name: 'spec' });
  const data = shapes.map((shape, i) => values(sizeOf(shape), i + 1).map(map));
  const feeds = (): Record<string, OnnxValue> =>
    Object.fromEntries(data.map((array, i) => [`x${i}`, { data: array, dims: shapes[i]! }]));
  const result = await session.run(feeds());
  const lossAt = async () => Number((await session.run(feeds(), ['loss'])).loss!.data[0]);
  let worst = 0;
  for (const [i, array] of data.entries()) {
    const analytic = result[`grad${i}`]!.data as Float32Array;
    expect(result[`grad${i}`]!.dims).toEqual([...shapes[i]!]);
    const scale = Math.max(...analytic.map(Math.abs), 1e-3);
    for (let j = 0; j < array.length; j++) {
      const [x, step] = [array[j]!, 1e-2];
      array[j] = x + step;
      const up = await lossAt();
      array[j] = x - step;
      const down = await lossAt();
      array[j] = x;
      worst = Math.max(worst, Math.abs((up - down) / (2 * step) - analytic[j]!) / scale);
    }
  }
  await session.close();
  return worst;
}

describe('gradients', () => {
  // float32 differences with step .01: truncation and rounding stay below 3e-3 of the largest entry.
  it.each(CASES)('of $name agree with central finite differences', async (testCase) => {
    expect(await maxRelativeError(testCase)).toBeLessThan(3e-3);
  });

  it('have a finite-difference case for every rule', () => {
    const tried = new Set<string>();
    for (const { shapes, build } of CASES) {
      const graph = new Graph();
      build(
        graph,
        shapes.map((shape, i) => graph.input(`x${i}`, 'float32', shape)),
      );
      for (const node of graph.nodes) tried.add(node.op);
    }
    expect(Object.keys(GRADIENT_RULES).filter((op) => !tried.has(op))).toEqual([]);
  });

  it('of a two-tower InfoNCE loss agree with finite differences', async () => {
    // id rows and a weighted history through an MLP with a skip, against item rows; log-Q, a masked false negative.
    const infoNce = (g: Graph, [users, items, decay, hidden, bias, skip]: Tensor[]): Tensor => {
      const [batch, length, temperature, shift] = [4, 3, 0.5, 3];
      const history = g.gather(items!, int64(g, [1, 1, 2, 0, 4, 4, 3, 1, 0, 2, 2, 2], [batch, length]));
      const ages = g.constant(Float32Array.of(0, 1, 2), [1, length]);
      const shares = g.exp(g.neg(g.mul(g.exp(decay!), ages)));
      const weights = g.expandLike(
        g.div(shares, g.reduceSum(shares, [1], true)),
        g.constant(new Float32Array(12), [4, 3]),
      );
      const pooled = g.squeeze(g.matmul(g.unsqueeze(weights, 1), history), 1);
      const x = g.concat([g.gather(users!, int64(g, [0, 2, 1, 0], [batch])), pooled], 1);
      const deep = g.relu(g.add(g.matmul(x, hidden!), bias!));
      const u = g.l2Normalize(g.add(deep, g.matmul(x, skip!)));
      const v = g.l2Normalize(g.gather(items!, int64(g, [3, 1, 1, 0], [batch])));
      const negatives = Float32Array.from({ length: 16 }, (_, i) => (i === 6 || i === 9 ? -1e4 : 0));
      const logQ = g.constant(values(4, 9), [1, batch]);
      const cosines = g.div(g.matmul(u, g.transpose(v, [1, 0])), g.scalar(temperature));
      const logits = g.add(g.sub(cosines, logQ), g.constant(negatives, [batch, batch]));
      const own = g.div(g.reduceSum(g.mul(u, v), [-1]), g.scalar(temperature));
      const both = g.add(g.logSumExp(logits, 1, shift), g.logSumExp(logits, 0, shift));
      return g.reduceMean(g.sub(both, g.mul(g.scalar(2), own)), [0]);
    };
    const shapes = [[3, 4], [5, 4], [], [8, 4], [4], [8, 4]];
    expect(await maxRelativeError({ name: '', shapes, build: infoNce })).toBeLessThan(5e-3);
  });

  it('sum many repeated rows rightly on one thread, every time', async () => {
    const graph = new Graph();
    const table = graph.input('table', 'float32', ['rows', 2]);
    const indices = graph.input('indices', 'int64', [4096]);
    const loss = graph.reduceSum(graph.gather(table, indices), [0, 1]);
    graph.output('grad', gradients(graph, loss, [table])[0]!);
    const session = await OnnxSession.open(toOnnx(graph), { name: 'spec' });
    const rows = BigInt64Array.from({ length: 4096 }, (_, i) => BigInt((i * 7) % 20));
    const expected = Array.from({ length: 20 }, (_, row) => [...rows].filter((r) => r === BigInt(row)).length);
    for (let run = 0; run < 100; run++) {
      const { grad } = await session.run({
        table: { data: new Float32Array(40), dims: [20, 2] },
        indices: { data: rows, dims: [4096] },
      });
      expect([...(grad!.data as Float32Array)]).toEqual(expected.flatMap((n) => [n, n]));
    }
    await session.close();
  });

  it('name the operator that has no rule', () => {
    const graph = new Graph();
    const x = graph.input('x', 'float32', [3]);
    const loss = graph.reduceMax(graph.exp(x), [0]);
    expect(() => gradients(graph, loss, [x])).toThrow(/operator ReduceMax .* has no gradient rule/);
    const power = graph.append('Pow', [graph.constant(Float32Array.of(2), []), x], 'float32', [3]);
    expect(() => gradients(graph, graph.reduceSum(power, [0]), [x])).toThrow(/operator Pow has no gradient rule for x/);
  });

  it('ignore operators without a rule off the path', async () => {
    const graph = new Graph();
    const x = graph.input('x', 'float32', [3]);
    const shifted = graph.sub(x, graph.stopGradient(graph.reduceMax(x, [0], true)));
    graph.output('grad', gradients(graph, graph.reduceSum(graph.exp(shifted), [0]), [x])[0]!);
    const session = await OnnxSession.open(toOnnx(graph), { name: 'spec' });
    const { grad } = await session.run({ x: { data: Float32Array.of(0, Math.LN2, 0), dims: [3] } });
    await session.close();
    expectClose(grad!.data as Float32Array, [0.5, 1, 0.5]);
  });

  it('add up updates to the same row: a hand-worked gather', async () => {
    const graph = new Graph();
    const table = graph.input('table', 'float32', ['rows', 2]);
    const weights = graph.constant(Float32Array.of(1, 10, 100, 1000), [2, 2, 1]);
    const loss = graph.reduceSum(
      graph.mul(graph.gather(table, int64(graph, [1, 1, 3, 1], [2, 2])), weights),
      [0, 1, 2],
    );
    graph.output('grad', gradients(graph, loss, [table])[0]!);
    const session = await OnnxSession.open(toOnnx(graph), { name: 'spec' });
    const { grad } = await session.run({ table: { data: new Float32Array(8), dims: [4, 2] } });
    await session.close();
    expect([...(grad!.data as Float32Array)]).toEqual([0, 0, 1011, 1011, 0, 0, 100, 100]);
  });

  it('are the same with symbolic axes as with fixed ones', async () => {
    const run = async (dims: readonly (number | string)[]) => {
      const graph = new Graph();
      const x = graph.input('x', 'float32', [...dims, 4]);
      const bias = graph.input('bias', 'float32', [1]);
      const weights = graph.input('weights', 'float32', [4, 5]);
      const y = graph.softmax(graph.tanh(graph.add(graph.matmul(x, weights), bias)), -1);
      const loss = graph.reduceSum(graph.mul(y, graph.reduceSum(graph.mul(y, y), [1], true)), [0, 1, 2]);
      gradients(graph, loss, [x, bias, weights]).forEach((grad, i) => graph.output(`grad${i}`, grad));
      const session = await OnnxSession.open(toOnnx(graph), { name: 'spec' });
      const result = await session.run({
        x: { data: values(24, 1), dims: [2, 3, 4] },
        bias: { data: values(1, 2), dims: [1] },
        weights: { data: values(20, 3), dims: [4, 5] },
      });
      await session.close();
      return [0, 1, 2].map((i) => [...(result[`grad${i}`]!.data as Float32Array)]);
    };
    const fixed = await run([2, 3]);
    expect(fixed.flat().some((value) => Math.abs(value) > 1e-3)).toBe(true);
    for (const symbolic of [
      ['batch', 3],
      [2, 'length'],
      ['batch', 'length'],
    ]) {
      (await run(symbolic)).forEach((grad, i) => {
        expectClose(grad, fixed[i]!);
      });
    }
  });

  it('want float32 variables', () => {
    const graph = new Graph();
    const rows = graph.input('rows', 'int64', [2]);
    const loss = graph.reduceSum(graph.gather(graph.constant(values(4, 1), [4]), rows), [0]);
    expect(() => gradients(graph, loss, [rows])).toThrow(/rows int64\[2\] has no gradient: not float32/);
  });

  it('stop at stopGradient and at casts, and say so when nothing is left', () => {
    const graph = new Graph();
    const x = graph.input('x', 'float32', [3]);
    const loss = graph.reduceSum(graph.stopGradient(x), [0]);
    expect(() => gradients(graph, loss, [x])).toThrow(/does not depend on x float32\[3\]/);
  });

  it('want a scalar loss', () => {
    const graph = new Graph();
    const x = graph.input('x', 'float32', [3]);
    expect(() => gradients(graph, x, [x])).toThrow(/must be a float32 scalar, not x float32\[3\]/);
  });
});

describe('shapes', () => {
  const graph = new Graph();
  const a = graph.input('a', 'float32', [2, 3]);
  const b = graph.input('b', 'float32', [4, 3]);
  const one = graph.input('one', 'float32', [1, 3]);
  const rows = graph.input('rows', 'float32', ['rows', 3]);

  it.each([
    ['add', () => graph.add(a, b), /Add: shapes \[2, 3\] and \[4, 3\] do not broadcast/],
    ['matmul', () => graph.matmul(a, b), /MatMul: shapes \[2, 3\] and \[4, 3\] do not multiply/],
    ['reshape', () => graph.reshape(a, [7]), /Reshape: \[2, 3\] does not reshape to \[7\]/],
    ['concat', () => graph.concat([a, b], 1), /do not join along axis 1/],
    ['axis', () => graph.reduceSum(a, [2]), /no axis 2 in shape \[2, 3\]/],
    ['type', () => graph.gather(a, b), /Gather wants int64, not b float32/],
    [
      'types',
      () => graph.add(a, graph.cast(b, 'int64')),
      /Add: a float32\[2, 3\] and Cast.* int64\[4, 3\] differ in type/,
    ],
    ['types of where', () => graph.where(graph.equal(a, a), a, graph.cast(a, 'int64')), /Where: .* differ in type/],
    ['types of concat', () => graph.concat([a, graph.cast(a, 'int64')], 0), /Concat: .* differ in type/],
    ['type of matmul', () => graph.matmul(graph.cast(a, 'int64'), b), /MatMul wants float32, not Cast.* int64/],
    ['nothing', () => graph.concat([], 0), /Concat: nothing to join/],
    ['slice', () => graph.slice(a, 1, 1, 4), /Slice: no elements 1 \.\. 4 along axis 1 of \[2, 3\]/],
    ['slice of a symbolic axis', () => graph.slice(rows, 0, 0, 1), /Slice: .* along axis 0 of \[rows, 3\]/],
    ['pad of a symbolic axis', () => graph.padZeros(rows, 0, 1, 1), /Pad: axis 0 of \[rows, 3\]/],
    ['mean of a symbolic axis', () => graph.reduceMean(rows, [0]), /ReduceMean: axes of \[rows, 3\]/],
    ['transpose', () => graph.transpose(a, [0, 0]), /\[0, 0\] does not reorder the axes of \[2, 3\]/],
    ['axes twice', () => graph.reduceSum(a, [0, -2]), /ReduceSum: axes \[0, -2\] of shape \[2, 3\] must be distinct/],
    ['expand', () => graph.expandLike(a, b), /Expand: shapes \[2, 3\] and \[4, 3\] do not broadcast/],
    ['expand to less', () => graph.expandLike(a, one), /Expand: \[2, 3\] does not expand to \[1, 3\]/],
    ['squeeze', () => graph.squeeze(a, 0), /Squeeze: axis 0 of \[2, 3\] has not length 1/],
    ['gather from a scalar', () => graph.gather(graph.scalar(1), graph.cast(a, 'int64')), /Gather: no axis 0/],
    ['negative length', () => graph.input('c', 'float32', [-1]), /"c" cannot have the shape \[-1\]/],
    ['another graph', () => graph.neg(new Graph().input('a', 'float32', [2, 3])), /Neg: a .* belongs to another graph/],
    ['name', () => graph.input('a', 'float32', []), /has a tensor "a" already/],
  ])('that do not fit are refused at once: %s', (_name, build, message) => {
    expect(build).toThrow(message);
  });
});
