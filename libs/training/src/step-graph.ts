import { Graph, gradients, toOnnx, type Tensor } from '@mic/autodiff';
import type { DenseParameter } from './dense-parameters';
import { itemTower, pooledRows, userTower, type TowerShape } from './tower-graph';

export interface StepGraphOptions {
  readonly shape: TowerShape;
  readonly parameters: ReadonlyMap<string, DenseParameter>;
  readonly batchSize: number;
  readonly itemUsers: number;
  readonly temperature: number;
  /** Highest log-Q correction of a logit. */
  readonly largestCorrection: number;
}

/** Names of the gradient outputs that belong to the rows of the id tables. */
export const USER_ROWS_GRADIENT = 'gradient:userRows';
export const ITEM_ROWS_GRADIENT = 'gradient:itemRows';
export const gradientOf = (parameter: string): string => `gradient:${parameter}`;

/**
 * One training step as one ONNX model: both towers, the symmetric in-batch InfoNCE loss with log-Q correction (Yi et
 * al., RecSys 2019) and masked false negatives, and its gradients.
 *
 * Inputs: what BatchAssembler feeds, the unique rows of the two id tables (`userRows`, `itemRows`, [rows, idDimension]),
 * and every dense parameter by its name. Outputs: `loss`, the gradients of the rows, and of each parameter.
 */
export function stepModel(options: StepGraphOptions): Uint8Array {
  const { shape, parameters, batchSize, itemUsers, temperature, largestCorrection } = options;
  const graph = new Graph();
  const inputs = new Map<string, Tensor>();
  for (const [name, parameter] of parameters) inputs.set(name, graph.input(name, 'float32', parameter.shape));
  const userRows = graph.input('userRows', 'float32', ['users', shape.idDimension]);
  const itemRows = graph.input('itemRows', 'float32', ['items', shape.idDimension]);
  const int64 = (name: string, dims: number[]) => graph.input(name, 'int64', dims);
  const codes = (name: string, width: number) =>
    width > 0 ? int64(name, [batchSize, width]) : graph.constant(new BigInt64Array(0), [batchSize, 0]);
  const parameterOf = (name: string): Tensor => inputs.get(name)!;

  const users = userTower(graph, shape, parameterOf, {
    userRow: graph.gather(userRows, int64('user', [batchSize])),
    profile: codes('profile', shape.userLayout.width),
    history: int64('history', [batchSize, shape.longestHistory]),
    itemTable: itemRows,
  });
  const items = itemTower(graph, shape, parameterOf, {
    itemRow: graph.gather(itemRows, int64('item', [batchSize])),
    fields: codes('fields', shape.itemLayout.width),
    usersPooled: pooledRows(graph, userRows, int64('users', [batchSize, itemUsers])),
  });
  const loss = symmetricInfoNce(graph, users, items, {
    userLogQ: graph.input('userLogQ', 'float32', [batchSize, 1]),
    itemLogQ: graph.input('itemLogQ', 'float32', [1, batchSize]),
    mask: graph.input('negatives', 'float32', [batchSize, batchSize]),
    temperature,
    largestCorrection,
  });
  graph.output('loss', loss);
  const names = [...parameters.keys()];
  const wrt = [userRows, itemRows, ...names.map(parameterOf)];
  const outputs = [USER_ROWS_GRADIENT, ITEM_ROWS_GRADIENT, ...names.map(gradientOf)];
  gradients(graph, loss, wrt).forEach((gradient, i) => graph.output(outputs[i]!, gradient));
  return toOnnx(graph, 'training step');
}

/**
 * Mean over the batch of -log softmax of the positive, over items for each user plus over users for each item, halved:
 * logits s / temperature - log Q + mask, s the cosine; positives on the diagonal.
 *
 * @param users float32 [B, dimension], unit vectors.
 * @param items float32 [B, dimension], unit vectors.
 */
export function symmetricInfoNce(
  graph: Graph,
  users: Tensor,
  items: Tensor,
  options: { userLogQ: Tensor; itemLogQ: Tensor; mask: Tensor; temperature: number; largestCorrection: number },
): Tensor {
  const { userLogQ, itemLogQ, mask, temperature, largestCorrection } = options;
  const batchSize = users.shape[0] as number;
  const scale = graph.scalar(1 / temperature);
  const shift = 1 / temperature + largestCorrection;
  const similarities = graph.add(graph.mul(graph.matmul(users, graph.transpose(items, [1, 0])), scale), mask);
  const positives = graph.mul(graph.reduceSum(graph.mul(users, items), [1]), scale);
  const overItems = graph.logSumExp(graph.sub(similarities, itemLogQ), 1, shift);
  const overUsers = graph.logSumExp(graph.sub(similarities, userLogQ), 0, shift);
  const flat = (logQ: Tensor) => graph.reshape(logQ, [batchSize]);
  const userLoss = graph.sub(overItems, graph.sub(positives, flat(itemLogQ)));
  const itemLoss = graph.sub(overUsers, graph.sub(positives, flat(userLogQ)));
  return graph.mul(graph.reduceSum(graph.add(userLoss, itemLoss), [0]), graph.scalar(0.5 / batchSize));
}
