import { Graph, toOnnx } from '@mic/autodiff';
import { OnnxSession } from '@mic/onnx-tower';

/** A matrix product that is ready for use; close it when done. */
export interface OpenMultiply {
  /** a [m, k] times b [k, n], row-major. */
  readonly multiply: (a: Float32Array, b: Float32Array, m: number, k: number, n: number) => Promise<Float32Array>;
  readonly close: () => Promise<void>;
}

/** Matrix products by ONNX Runtime. */
export async function openMultiply(threads = 2): Promise<OpenMultiply> {
  const graph = new Graph();
  const product = graph.matmul(graph.input('a', 'float32', ['m', 'k']), graph.input('b', 'float32', ['k', 'n']));
  graph.output('product', product);
  const session = await OnnxSession.open(toOnnx(graph), { name: 'matrix product', intraOpThreads: threads });
  return {
    multiply: async (a, b, m, k, n) => {
      const feeds = { a: { data: a, dims: [m, k] }, b: { data: b, dims: [k, n] } };
      return (await session.run(feeds)).product!.data as Float32Array;
    },
    close: () => session.close(),
  };
}
