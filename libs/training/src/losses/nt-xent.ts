import type { Graph, Tensor } from '@mic/autodiff';

/**
 * NT-Xent over two views of P things (SimCLR, Chen et al., ICML 2020; MIC, CIKM 2022): each view's positive is the other
 * view of the same thing, its negatives are the 2 (P - 1) views of the others. Mean over the 2 P views.
 *
 * @param a float32 [P, D], unit vectors: the first view; b: the second.
 * @param options.bias float32 [1, P], added to the columns: - log Q.
 * @param options.mask float32 [P, P], a large negative number where two rows are the same thing, the diagonal too.
 */
export function ntXentLoss(
  graph: Graph,
  a: Tensor,
  b: Tensor,
  options: { readonly bias: Tensor; readonly mask: Tensor; readonly temperature: number; readonly largestBias: number },
): Tensor {
  const { bias, mask, temperature, largestBias } = options;
  const pairs = a.shape[0] as number;
  const scale = graph.scalar(1 / temperature);
  const shift = graph.scalar(1 / temperature + largestBias);
  const both = graph.concat([a, b], 0);
  const columns = graph.concat([bias, bias], 1);
  const masks = graph.concat([mask, mask], 0);
  const others = graph.add(
    graph.mul(graph.matmul(both, graph.transpose(both, [1, 0])), scale),
    graph.add(columns, graph.concat([masks, masks], 1)),
  );
  const agreement = graph.mul(graph.reduceSum(graph.mul(a, b), [1]), scale);
  const positive = graph.add(agreement, graph.reshape(bias, [pairs]));
  const twice = graph.concat([positive, positive], 0);
  const total = graph.add(
    graph.reduceSum(graph.exp(graph.sub(others, shift)), [1]),
    graph.exp(graph.sub(twice, shift)),
  );
  const losses = graph.sub(graph.add(graph.log(total), shift), twice);
  return graph.mul(graph.reduceSum(losses, [0]), graph.scalar(1 / (2 * pairs)));
}
