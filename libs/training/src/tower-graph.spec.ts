import { Graph, toOnnx, type Tensor } from '@mic/autodiff';
import { OnnxSession } from '@mic/onnx-tower';
import { expect, it } from 'vitest';
import { pooledRows, recencyWeights } from './tower-graph';

async function valuesOf(build: (graph: Graph) => Tensor): Promise<number[]> {
  const graph = new Graph();
  graph.output('result', build(graph));
  const session = await OnnxSession.open(toOnnx(graph), { name: 'spec' });
  const { result } = await session.run({});
  await session.close();
  return Array.from(result!.data as Float32Array, (value) => Math.round(value * 1e4) / 1e4);
}

const table = (graph: Graph): Tensor => graph.constant(Float32Array.of(9, 90, 1, 10, 2, 20, 4, 40), [4, 2]);
const lists = (graph: Graph): Tensor => graph.constant(BigInt64Array.of(1n, 2n, 3n, 3n, 0n, 0n, 0n, 0n, 0n), [3, 3]);

it('an event weighs as much as the rate says, to the power of its age', async () => {
  // exp(-rate) = 1/2
  const half = (graph: Graph): Tensor => graph.scalar(Math.log(Math.LN2));
  expect(await valuesOf((graph) => recencyWeights(graph, half(graph), 4))).toEqual([1, 0.5, 0.25, 0.125]);
});

it('rows are averaged without padding, and an empty list is the mask row', async () => {
  expect(await valuesOf((graph) => pooledRows(graph, table(graph), lists(graph)))).toEqual([
    2.3333, 23.3333, 4, 40, 9, 90,
  ]);
});

it('rows are averaged by their weights', async () => {
  const weights = (graph: Graph): Tensor => graph.constant(Float32Array.of(1, 0.5, 0.25), [1, 3]);
  // (1 + 1 + 1) / 1.75
  const pooled = await valuesOf((graph) => pooledRows(graph, table(graph), lists(graph), weights(graph)));
  expect(pooled).toEqual([1.7143, 17.1429, 4, 40, 9, 90]);
});
