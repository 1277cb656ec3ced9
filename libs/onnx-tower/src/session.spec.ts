import { Graph, toOnnx } from '@mic/autodiff';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OnnxSession } from './session';

/** sum = x + y, product = x y; x and y float32 [n, 2]. */
function model(): Uint8Array {
  const graph = new Graph();
  const x = graph.input('x', 'float32', ['n', 2]);
  const y = graph.input('y', 'float32', ['n', 2]);
  graph.output('sum', graph.add(x, y));
  graph.output('product', graph.mul(x, y));
  return toOnnx(graph);
}

const value = (...data: number[]) => ({ data: Float32Array.from(data), dims: [data.length / 2, 2] });

describe('OnnxSession', () => {
  let session: OnnxSession;
  beforeAll(async () => {
    session = await OnnxSession.open(model(), { name: 'the spec model' });
  });
  afterAll(() => session.close());

  it('tells what the model declares', () => {
    expect(session.inputNames).toEqual(['x', 'y']);
    expect(session.outputNames).toEqual(['sum', 'product']);
    expect(session.inputInterface('x')).toEqual({ dtype: 'float32', shape: ['n', 2] });
    expect(session.outputInterface('product')).toEqual({ dtype: 'float32', shape: ['n', 2] });
    expect(session.inputInterface('sum')).toBeNull();
  });

  it('gives all outputs, or those asked for', async () => {
    const feeds = { x: value(1, 2), y: value(3, 4) };
    expect(await session.run(feeds)).toEqual({ sum: value(4, 6), product: value(3, 8) });
    expect(await session.run(feeds, ['product'])).toEqual({ product: value(3, 8) });
  });

  it('takes views into larger buffers, of values and of the model', async () => {
    const larger = Float32Array.of(9, 9, 1, 2, 9);
    const { sum } = await session.run({ x: { data: larger.subarray(2, 4), dims: [1, 2] }, y: value(10, 20) }, ['sum']);
    expect(sum).toEqual(value(11, 22));
    const bytes = model();
    const pooled = new Uint8Array(bytes.length + 10);
    pooled.set(bytes, 3);
    const second = await OnnxSession.open(pooled.subarray(3, 3 + bytes.length), { name: 'a view' });
    expect(second.inputNames).toEqual(['x', 'y']);
    await second.close();
  });

  it.each([
    ['a missing input', { x: value(1, 2) }, undefined, /the spec model failed: input 'y' is missing/],
    [
      'values that do not fill the shape',
      { x: { data: new Float32Array(3), dims: [1, 2] }, y: value(1, 2) },
      undefined,
      /size\(2\)/,
    ],
    [
      'shapes that do not fit',
      { x: value(1, 2, 3, 4, 5, 6), y: value(1, 2, 3, 4) },
      undefined,
      /the spec model failed: /,
    ],
    ['an unknown output', { x: value(1, 2), y: value(1, 2) }, ['quotient'], /quotient/],
  ])('wraps what ONNX Runtime says about %s', async (_name, feeds, fetch, message) => {
    await expect(session.run(feeds, fetch)).rejects.toMatchObject({
      name: 'MicError',
      code: 'INTERNAL',
      message: expect.stringMatching(message) as string,
    });
  });

  it('closes once, refuses to run afterwards, and refuses what is no model', async () => {
    const closed = await OnnxSession.open(model(), { name: 'a closed model' });
    await Promise.all([closed.close(), closed.close()]);
    await expect(closed.run({ x: value(1, 2), y: value(1, 2) })).rejects.toMatchObject({ code: 'INTERNAL' });
    await expect(OnnxSession.open(model().subarray(0, 40), { name: 'a cut model' })).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
    });
  });
});
