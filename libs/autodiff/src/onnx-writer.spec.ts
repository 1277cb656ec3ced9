import { OnnxSession } from '@mic/onnx-tower';
import { describe, expect, it } from 'vitest';
import { Graph } from './graph';
import { toOnnx } from './onnx-writer';

describe('toOnnx', () => {
  it('writes a model that ONNX Runtime runs: symbolic axes, all element types, constants', async () => {
    const graph = new Graph();
    const x = graph.input('x', 'float32', ['rows', 2]);
    const codes = graph.input('codes', 'int64', ['rows', 1]);
    const known = graph.notEqual(codes, graph.constant(BigInt64Array.of(-(2n ** 40n)), [1]));
    graph.output('known', known);
    graph.output('next', graph.add(codes, graph.constant(BigInt64Array.of(1n), [1])));
    graph.output('y', graph.where(known, x, graph.constant(Float32Array.of(0.1, -0.2), [2])));
    const session = await OnnxSession.open(toOnnx(graph), { name: 'spec' });
    const result = await session.run({
      x: { data: Float32Array.of(1, 2, 3, 4), dims: [2, 2] },
      codes: { data: BigInt64Array.of(5n, -(2n ** 40n)), dims: [2, 1] },
    });
    await session.close();
    expect(result).toEqual({
      known: { data: Uint8Array.of(1, 0), dims: [2, 1] },
      next: { data: BigInt64Array.of(6n, 1n - 2n ** 40n), dims: [2, 1] },
      y: { data: Float32Array.of(1, 2, 0.1, -0.2), dims: [2, 2] },
    });
  });

  it('leaves out what no output needs, and keeps every input', async () => {
    const write = (extra: (graph: Graph) => void) => {
      const graph = new Graph();
      const x = graph.input('x', 'float32', [2]);
      graph.input('unused', 'float32', [2]);
      const y = graph.neg(x);
      extra(graph);
      graph.output('y', y);
      return toOnnx(graph);
    };
    const lean = write(() => undefined);
    const pruned = write((graph) => {
      graph.exp(graph.constant(new Float32Array(1000), [1000]));
    });
    expect(Math.abs(pruned.length - lean.length)).toBeLessThan(10);
    const session = await OnnxSession.open(lean, { name: 'spec' });
    expect(session.inputNames).toEqual(['x', 'unused']);
    expect(session.outputNames).toEqual(['y']);
    await session.close();
  });

  it('refuses a graph without outputs', () => {
    expect(() => toOnnx(new Graph(), 'empty')).toThrow(/the graph "empty" has no output/);
  });
});
