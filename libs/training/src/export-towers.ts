import { Graph, toOnnx } from '@mic/autodiff';
import type { DenseParameter } from './dense-parameters';
import { itemTower, userTower, type ParameterOf, type TowerShape } from './tower-graph';

/**
 * The user tower as an ONNX model with the interface of towers/signature.json.
 *
 * @param itemTable (I + 1) x idDimension, row 0 = mask row.
 */
export function exportUserTower(
  shape: TowerShape,
  parameters: ReadonlyMap<string, DenseParameter>,
  itemTable: Float32Array,
): Uint8Array {
  const graph = new Graph();
  const vectors = userTower(graph, shape, constantsOf(graph, parameters), {
    userRow: graph.input('user_row', 'float32', ['batch', shape.idDimension]),
    profile: graph.input('profile', 'int64', ['batch', shape.userLayout.width]),
    history: graph.input('history', 'int64', ['batch', shape.longestHistory]),
    itemTable: graph.constant(itemTable, [itemTable.length / shape.idDimension, shape.idDimension]),
  });
  graph.output('user_vectors', graph.reshape(vectors, ['batch', 1, shape.dimension]));
  return toOnnx(graph, 'user tower');
}

/** The item tower as an ONNX model with the interface of towers/signature.json. */
export function exportItemTower(shape: TowerShape, parameters: ReadonlyMap<string, DenseParameter>): Uint8Array {
  const graph = new Graph();
  const vectors = itemTower(graph, shape, constantsOf(graph, parameters), {
    itemRow: graph.input('item_row', 'float32', ['batch', shape.idDimension]),
    fields: graph.input('fields', 'int64', ['batch', shape.itemLayout.width]),
    usersPooled: graph.input('users_pooled', 'float32', ['batch', shape.idDimension]),
  });
  graph.output('item_vectors', vectors);
  return toOnnx(graph, 'item tower');
}

function constantsOf(graph: Graph, parameters: ReadonlyMap<string, DenseParameter>): ParameterOf {
  return (name) => {
    const { values, shape } = parameters.get(name)!;
    return graph.constant(values, shape);
  };
}
