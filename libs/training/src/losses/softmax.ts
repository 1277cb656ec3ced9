import type { Graph, Tensor } from '@mic/autodiff';

export interface SoftmaxInputs {
  /** float32 [N, D], unit vectors. */
  readonly queries: Tensor;
  /** float32 [C, D], unit vectors. */
  readonly candidates: Tensor;
  /** int64 [N]: the candidate that is right for each query. */
  readonly target: Tensor;
  /** float32 [N]: what each query counts. */
  readonly weight: Tensor;
  /** float32 [1, C], added to the logits: - log Q, or a large negative number for what is no candidate. */
  readonly bias: Tensor;
  /**
   * bool [B, 1, C] or null: which candidates are no negatives of the N / B queries of each user; a query's target is then
   * counted beside them.
   */
  readonly seen: Tensor | null;
  readonly temperature: number;
  /** Highest value of `bias`. */
  readonly largestBias: number;
}

/** Sum over the queries of weight x -log softmax(s / temperature + bias) at the target, s the cosine. */
export function softmaxLoss(graph: Graph, inputs: SoftmaxInputs): Tensor {
  const { queries, candidates, target, weight, bias, seen, temperature, largestBias } = inputs;
  const [count, columns] = [queries.shape[0] as number, candidates.shape[0]!];
  const scaled = graph.mul(queries, graph.scalar(1 / temperature));
  // exp(logit - shift) cannot overflow: a cosine is at most 1. The shift and the mask go into the bias, which is small.
  const shift = graph.scalar(1 / temperature + largestBias);
  const shifted = graph.sub(bias, shift);
  const similarities = graph.matmul(scaled, graph.transpose(candidates, [1, 0]));
  const own = graph.reduceSum(graph.mul(scaled, graph.gather(candidates, target)), [1]);
  const correction = graph.reshape(graph.gather(graph.transpose(shifted, [1, 0]), target), [count]);
  const positive = graph.add(own, correction);
  if (!seen) {
    const total = graph.reduceSum(graph.exp(graph.add(similarities, shifted)), [1]);
    return weighted(graph, graph.sub(graph.log(total), positive), weight);
  }
  const users = seen.shape[0] as number;
  const masked = graph.where(seen, graph.scalar(MASKED), shifted);
  const logits = graph.add(graph.reshape(similarities, [users, count / users, columns]), masked);
  const others = graph.reshape(graph.reduceSum(graph.exp(logits), [2]), [count]);
  const total = graph.add(others, graph.exp(positive));
  return weighted(graph, graph.sub(graph.log(total), positive), weight);
}

/** Added to a logit: its exponential is 0. */
export const MASKED = -1e4;

const weighted = (graph: Graph, losses: Tensor, weight: Tensor): Tensor =>
  graph.reduceSum(graph.mul(losses, weight), [0]);
