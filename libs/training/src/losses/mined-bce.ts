import type { Graph, Tensor } from '@mic/autodiff';
import { constant } from '../model/parameters';
import type { ModelScope } from '../model/scope';

/** One relation of P pairs. */
export interface MinedRelation {
  readonly name: string;
  /** float32 [P, D], unit vectors. */
  readonly anchors: Tensor;
  /** float32 [P, D], unit vectors that are right for the anchors: mined, and of the training pair where there is one. */
  readonly positives: readonly Tensor[];
  readonly negatives: readonly Tensor[];
}

/** Sharpness and offset of the probabilities at the start: sigmoid(5 cosine - 2). */
const SCALE = 5;
const OFFSET = -2;

/**
 * Binary cross entropy of mined and training pairs (MIC, CIKM 2022), the mean over relations of the mean of the positives'
 * and of the negatives' losses. The probability of a pair is sigmoid(scale x cosine + offset), both learned for each
 * relation.
 */
export function minedBce(scope: ModelScope, relations: readonly MinedRelation[]): Tensor {
  const { graph } = scope;
  const losses = relations.map(({ name, anchors, positives, negatives }) => {
    const scale = scope.parameter(`mined.${name}.scale`, [], constant(SCALE));
    const offset = scope.parameter(`mined.${name}.offset`, [], constant(OFFSET));
    const logits = (others: Tensor): Tensor =>
      graph.add(graph.mul(graph.reduceSum(graph.mul(anchors, others), [1]), scale), offset);
    const mean = (all: readonly Tensor[]): Tensor =>
      graph.reduceMean(all.length === 1 ? all[0]! : graph.concat(all, 0), [0]);
    const right = mean(positives.map((others) => softplus(graph, graph.neg(logits(others)))));
    const wrong = mean(negatives.map((others) => softplus(graph, logits(others))));
    return graph.mul(graph.add(right, wrong), graph.scalar(0.5));
  });
  const sum = losses.reduce((a, b) => graph.add(a, b));
  return graph.mul(sum, graph.scalar(1 / relations.length));
}

/** log(1 + exp(x)) = relu(x) + log(1 + exp(-|x|)). */
function softplus(graph: Graph, x: Tensor): Tensor {
  return graph.add(graph.relu(x), graph.log(graph.add(graph.exp(graph.neg(graph.abs(x))), graph.scalar(1))));
}
