import { Graph, toOnnx, type Tensor } from '@mic/autodiff';
import { Random } from '@mic/domain';
import { OnnxSession } from '@mic/onnx-tower';
import { describe, expect, it } from 'vitest';
import { ntXentLoss } from './nt-xent';
import { softmaxLoss } from './softmax';

const D = 3;
const random = new Random(3);

/** Rows of unit length. */
function unitRows(count: number): number[][] {
  return Array.from({ length: count }, () => {
    const row = Array.from({ length: D }, () => random.normal());
    const length = Math.hypot(...row);
    return row.map((value) => value / length);
  });
}
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
const tensorOf = (graph: Graph, rows: readonly (readonly number[])[]): Tensor =>
  graph.constant(Float32Array.from(rows.flat()), [rows.length, rows[0]!.length]);

async function valueOf(graph: Graph, loss: Tensor): Promise<number> {
  graph.output('loss', loss);
  const session = await OnnxSession.open(toOnnx(graph), { name: 'spec' });
  const { loss: value } = await session.run({});
  await session.close();
  return (value!.data as Float32Array)[0]!;
}

describe('softmaxLoss', () => {
  const [queries, candidates] = [unitRows(4), unitRows(5)];
  const target = [1, 4, 0, 2];
  const weight = [0.5, 0, 0.25, 0.25];
  const bias = [0.3, -1, 0, 2, 0.5];
  const temperature = 0.2;
  const logit = (q: number, c: number): number => dot(queries[q]!, candidates[c]!) / temperature + bias[c]!;
  const columns = [0, 1, 2, 3, 4];

  async function loss(seen: number[][] | null): Promise<number> {
    const graph = new Graph();
    return valueOf(
      graph,
      softmaxLoss(graph, {
        queries: tensorOf(graph, queries),
        candidates: tensorOf(graph, candidates),
        target: graph.constant(BigInt64Array.from(target, BigInt), [4]),
        weight: graph.constant(Float32Array.from(weight), [4]),
        bias: tensorOf(graph, [bias]),
        seen:
          seen && graph.not(graph.equal(graph.constant(Float32Array.from(seen.flat()), [2, 1, 5]), graph.scalar(0))),
        temperature,
        largestBias: 2,
      }),
    );
  }

  it('is the weighted cross entropy over all candidates', async () => {
    const expected = target.map((t, q) => {
      const total = columns.reduce((sum, c) => sum + Math.exp(logit(q, c)), 0);
      return weight[q]! * (Math.log(total) - logit(q, t));
    });
    expect(await loss(null)).toBeCloseTo(
      expected.reduce((a, b) => a + b),
      5,
    );
  });

  it('leaves a user’s own items out, the target apart', async () => {
    // queries 0 and 1 are of one user, who has items 1, 3, 4; queries 2 and 3 of another, who has 0 and 2
    const own = [
      [1, 3, 4],
      [0, 2],
    ];
    const masks = own.map((items) => columns.map((c) => (items.includes(c) ? -1e4 : 0)));
    const expected = target.map((t, q) => {
      const others = columns.filter((c) => !own[Math.floor(q / 2)]!.includes(c));
      const total = [...others, t].reduce((sum, c) => sum + Math.exp(logit(q, c)), 0);
      return weight[q]! * (Math.log(total) - logit(q, t));
    });
    expect(await loss(masks)).toBeCloseTo(
      expected.reduce((a, b) => a + b),
      5,
    );
  });
});

describe('ntXentLoss', () => {
  it('is the mean over all views of -log softmax of the other view, what the mask bars left out', async () => {
    const [a, b] = [unitRows(4), unitRows(4)];
    const ids = [7, 8, 7, 9, 7, 6, 7, 9]; // the second view of 8 is of another thing, 6
    const bias = [0.5, -0.25, 0.5, 1, 0.5, 0.75, 0.5, 1];
    const temperature = 0.3;
    const views = [...a, ...b];
    const otherOf = (view: number): number => (view + 4) % 8;
    const barred = (v: number, w: number): boolean => ids[w] === ids[v] || ids[w] === ids[otherOf(v)];
    const logit = (v: number, w: number): number => dot(views[v]!, views[w]!) / temperature + bias[w]!;
    const losses = views.map((_, v) => {
      const negatives = views.map((_view, w) => w).filter((w) => !barred(v, w));
      const total = [...negatives, otherOf(v)].reduce((sum, w) => sum + Math.exp(logit(v, w)), 0);
      return Math.log(total) - logit(v, otherOf(v));
    });
    const graph = new Graph();
    const mask = views.map((_, v) => views.map((_view, w) => Number(barred(v, w))));
    const value = await valueOf(
      graph,
      ntXentLoss(graph, tensorOf(graph, a), tensorOf(graph, b), {
        bias: tensorOf(graph, [bias]),
        barred: graph.equal(tensorOf(graph, mask), graph.scalar(1)),
        temperature,
        largestBias: 1,
      }),
    );
    expect(value).toBeCloseTo(losses.reduce((x, y) => x + y) / 8, 5);
  });
});
