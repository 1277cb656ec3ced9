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
   * float32 [B, 1, C] or null: added to the logits of the N / B queries of each user, a large negative number for the
   * user's own items; a query's target is then counted beside them.
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
  const scale = graph.scalar(1 / temperature);
  const shift = 1 / temperature + largestBias;
  const similarities = graph.matmul(graph.mul(queries, scale), graph.transpose(candidates, [1, 0]));
  const logits = graph.add(similarities, bias);
  const own = graph.mul(graph.reduceSum(graph.mul(queries, graph.gather(candidates, target)), [1]), scale);
  const correction = graph.reshape(graph.gather(graph.transpose(bias, [1, 0]), target), [count]);
  const positive = graph.add(own, correction);
  if (!seen) return weighted(graph, graph.sub(graph.logSumExp(logits, 1, shift), positive), weight);
  const users = seen.shape[0] as number;
  const masked = graph.add(graph.reshape(logits, [users, count / users, columns]), seen);
  const s = graph.scalar(shift);
  const others = graph.reshape(graph.reduceSum(graph.exp(graph.sub(masked, s)), [2]), [count]);
  const total = graph.add(others, graph.exp(graph.sub(positive, s)));
  return weighted(graph, graph.sub(graph.add(graph.log(total), s), positive), weight);
}

const weighted = (graph: Graph, losses: Tensor, weight: Tensor): Tensor =>
  graph.reduceSum(graph.mul(losses, weight), [0]);
