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
  { name: 'l2Normalize', shapes: [[3, 4]], build: (g, [a]) => g.l2Normalize(a!) },
  { name: 'logSumExp', shapes: [[3, 4]], build: (g, [a]) => g.logSumExp(a!, 1, 2) },
];

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
    const infoNce = (g: Graph, [users, items, weights]: Tensor[]): Tensor => {
      const u = g.l2Normalize(g.matmul(g.gather(users!, int64(g, [0, 2, 1, 0], [4])), weights!));
      const v = g.l2Normalize(g.relu(g.gather(items!, int64(g, [3, 1, 1, 0], [4]))));
      const logits = g.div(g.matmul(u, g.transpose(v, [1, 0])), g.scalar(0.5));
      const own = g.reduceSum(g.mul(u, v), [-1]);
      const both = g.add(g.logSumExp(logits, 1, 2), g.logSumExp(logits, 0, 2));
      return g.sub(both, g.div(g.mul(g.scalar(2), own), g.scalar(0.5)));
    };
    expect(
      await maxRelativeError({
        name: '',
        shapes: [
          [3, 4],
          [4, 3],
          [4, 3],
        ],
        build: infoNce,
      }),
    ).toBeLessThan(5e-3);
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
    const loss = graph.reduceSum(graph.append('Erf', [x], 'float32', [3]), [0]);
    expect(() => gradients(graph, loss, [x])).toThrow(/operator Erf .* has no gradient rule/);
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

  it.each([
    ['add', () => graph.add(a, b), /Add: shapes \[2, 3\] and \[4, 3\] do not broadcast/],
    ['matmul', () => graph.matmul(a, b), /MatMul: shapes \[2, 3\] and \[4, 3\] do not multiply/],
    ['reshape', () => graph.reshape(a, [7]), /Reshape: \[2, 3\] does not reshape to \[7\]/],
    ['concat', () => graph.concat([a, b], 1), /do not join along axis 1/],
    ['axis', () => graph.reduceSum(a, [2]), /no axis 2 in shape \[2, 3\]/],
    ['type', () => graph.gather(a, b), /Gather wants int64, not b float32/],
    ['name', () => graph.input('a', 'float32', []), /has a tensor "a" already/],
  ])('that do not fit are refused at once: %s', (_name, build, message) => {
    expect(build).toThrow(message);
  });
});
