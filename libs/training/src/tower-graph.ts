import type { Graph, Tensor } from '@mic/autodiff';
import type { FieldLayout } from '@mic/features';

/** Sizes of both towers. */
export interface TowerShape {
  readonly dimension: number;
  readonly idDimension: number;
  readonly fieldDimension: number;
  readonly hidden: number;
  readonly longestHistory: number;
  readonly userLayout: FieldLayout;
  readonly itemLayout: FieldLayout;
}

/** Gives the tensor of a dense parameter: a graph input in training, a constant in an exported tower. */
export type ParameterOf = (name: string) => Tensor;

/**
 * User vectors [B, dimension], unit length (pooled two-tower, ours after DSSM and YouTubeDNN): the user's id row, profile
 * fields, and history pooled with exponentially decaying weights exp(-rate * age), rate = exp(`user.logRate`).
 *
 * @param inputs userRow float32 [B, idDimension]; profile int64 [B, profileWidth]; history int64 [B, longestHistory],
 *   newest first, rows of itemTable, 0 = padding; itemTable float32 [rows, idDimension], row 0 = mask row.
 */
export function userTower(
  graph: Graph,
  shape: TowerShape,
  parameter: ParameterOf,
  inputs: { userRow: Tensor; profile: Tensor; history: Tensor; itemTable: Tensor },
): Tensor {
  const decay = recencyWeights(graph, parameter('user.logRate'), shape.longestHistory);
  const pooled = pooledRows(graph, inputs.itemTable, inputs.history, decay);
  const fields = embedFields(graph, 'user', shape.userLayout, parameter, inputs.profile);
  return perceptron(graph, 'user', parameter, [inputs.userRow, pooled, ...fields]);
}

/**
 * Item vectors [B, dimension], unit length.
 *
 * @param inputs itemRow float32 [B, idDimension]; fields int64 [B, itemFieldsWidth]; usersPooled float32
 *   [B, idDimension], the mean id row of users of the item.
 */
export function itemTower(
  graph: Graph,
  shape: TowerShape,
  parameter: ParameterOf,
  inputs: { itemRow: Tensor; fields: Tensor; usersPooled: Tensor },
): Tensor {
  const fields = embedFields(graph, 'item', shape.itemLayout, parameter, inputs.fields);
  return perceptron(graph, 'item', parameter, [inputs.itemRow, inputs.usersPooled, ...fields]);
}

/** Weights [1, length] of a history's events, newest first: exp(-rate * age), rate = exp(logRate). */
export function recencyWeights(graph: Graph, logRate: Tensor, length: number): Tensor {
  const ages = graph.constant(
    Float32Array.from({ length }, (_, age) => age),
    [1, length],
  );
  return graph.exp(graph.neg(graph.mul(graph.exp(logRate), ages)));
}

/**
 * Weighted mean [B, D] of the rows [B, L] of a table, index 0 = padding; a list without entries gives row 0, the mask row.
 * Lists are filled from the front.
 */
export function pooledRows(graph: Graph, table: Tensor, indices: Tensor, weights?: Tensor): Tensor {
  const [batch, length] = indices.shape as [number | string, number];
  const zero = graph.constant(BigInt64Array.of(0n), [1]);
  const present = graph.cast(graph.not(graph.equal(indices, zero)), 'float32');
  const weighted = weights ? graph.mul(present, weights) : present;
  const empty = graph.sub(graph.scalar(1), graph.slice(present, 1, 0, 1));
  const all = graph.add(weighted, graph.padZeros(empty, 1, 0, length - 1));
  const shares = graph.div(all, graph.reduceSum(all, [1], true));
  const sum = graph.matmul(graph.reshape(shares, [batch, 1, length]), graph.gather(table, indices));
  return graph.reshape(sum, [batch, table.shape[1]!]);
}

function embedFields(
  graph: Graph,
  tower: string,
  layout: FieldLayout,
  parameter: ParameterOf,
  codes: Tensor,
): Tensor[] {
  return layout.places.map(({ name, offset, width }) =>
    pooledRows(graph, parameter(`${tower}.field.${name}`), graph.slice(codes, 1, offset, offset + width)),
  );
}

/** l2(relu(x W1 + b1) W2 + b2 + x S). */
function perceptron(graph: Graph, tower: string, parameter: ParameterOf, parts: readonly Tensor[]): Tensor {
  const x = graph.concat(parts, 1);
  const hidden = graph.relu(graph.add(graph.matmul(x, parameter(`${tower}.w1`)), parameter(`${tower}.b1`)));
  const deep = graph.add(graph.matmul(hidden, parameter(`${tower}.w2`)), parameter(`${tower}.b2`));
  return graph.l2Normalize(graph.add(deep, graph.matmul(x, parameter(`${tower}.skip`))));
}
