import type { Graph, Tensor } from '@mic/autodiff';
import { MASKED } from './softmax';

/**
 * NT-Xent over two views of P things (SimCLR, Chen et al., ICML 2020; MIC, CIKM 2022): each view's positive is the other
 * view of the same thing, its negatives are the 2 (P - 1) views of the others. Mean over the 2 P views.
 *
 * @param a float32 [P, D], unit vectors: the first view; b: the second, of the same thing or of its partner.
 * @param options.bias float32 [1, 2 P], added to the columns a, b: - log Q.
 * @param options.barred bool [2 P, 2 P], where a column is no negative of the row: itself, the other view, and what is the
 * same thing as either.
 */
export function ntXentLoss(
  graph: Graph,
  a: Tensor,
  b: Tensor,
  options: {
    readonly bias: Tensor;
    readonly barred: Tensor;
    readonly temperature: number;
    readonly largestBias: number;
  },
): Tensor {
  const { bias, barred, temperature, largestBias } = options;
  const pairs = a.shape[0] as number;
  const scale = graph.scalar(1 / temperature);
  const shift = graph.scalar(1 / temperature + largestBias);
  const both = graph.concat([a, b], 0);
  const others = graph.add(
    graph.mul(graph.matmul(both, graph.transpose(both, [1, 0])), scale),
    graph.where(barred, graph.scalar(MASKED), bias),
  );
  const agreement = graph.mul(graph.reduceSum(graph.mul(a, b), [1]), scale);
  // the bias of a row's positive is that of the other half
  const halves = graph.reshape(bias, [2 * pairs]);
  const swapped = graph.gather(
    halves,
    graph.constant(
      BigInt64Array.from({ length: 2 * pairs }, (_, i) => BigInt((i + pairs) % (2 * pairs))),
      [2 * pairs],
    ),
  );
  const positive = graph.add(graph.concat([agreement, agreement], 0), swapped);
  const total = graph.add(
    graph.reduceSum(graph.exp(graph.sub(others, shift)), [1]),
    graph.exp(graph.sub(positive, shift)),
  );
  const losses = graph.sub(graph.add(graph.log(total), shift), positive);
  return graph.mul(graph.reduceSum(losses, [0]), graph.scalar(1 / (2 * pairs)));
}
