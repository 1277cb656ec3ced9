import { Graph, toOnnx, type Tensor } from '@mic/autodiff';
import { OnnxSession } from '@mic/onnx-tower';
import type { EncodedFields } from '../data/encoded-fields';
import { toInt64 } from '../data/int64';
import { ENCODERS } from './encoders';
import { itemVectors, readsItemFields, readsProfile, tokenContent, userVectors, type ModelShape } from './model';
import type { ParameterStore } from './parameters';
import { ExportScope } from './scope';

/**
 * The user tower as an ONNX model with the interface of towers/signature.json.
 *
 * @param itemTable (I + 1) x D, row 0 = mask row.
 */
export async function exportUserTower(
  shape: ModelShape,
  store: ParameterStore,
  itemTable: Float32Array,
  fields: EncodedFields,
): Promise<Uint8Array> {
  const { config } = shape;
  const { dimension, longestHistory } = config.model;
  const table = await tokenTable(shape, store, itemTable, fields);
  const graph = new Graph();
  const scope = new ExportScope(graph, store);
  const userRow = graph.input('user_row', 'float32', ['batch', dimension]);
  const profile = graph.input('profile', 'int64', ['batch', shape.userLayout.width]);
  const history = oldestFirst(graph, graph.input('history', 'int64', ['batch', longestHistory]));
  const tokens = graph.gather(graph.constant(table, [table.length / dimension, dimension]), history);
  const vectors = userVectors(
    scope,
    shape,
    {
      tokens,
      present: presence(graph, history),
      userRow: config.features.userId ? userRow : null,
      profile: readsProfile(shape) ? profile : null,
    },
    'last',
  );
  graph.output('user_vectors', vectors);
  return toOnnx(graph, 'user tower');
}

/** Vectors of a user that the user tower gives. */
export const vectorsPerUser = ({ config }: ModelShape): number => ENCODERS[config.encoder].vectorsPerUser(config);

/** The item tower as an ONNX model with the interface of towers/signature.json. */
export function exportItemTower(shape: ModelShape, store: ParameterStore): Uint8Array {
  const { dimension } = shape.config.model;
  const graph = new Graph();
  const scope = new ExportScope(graph, store);
  const itemRow = graph.input('item_row', 'float32', ['batch', dimension]);
  const fields = graph.input('fields', 'int64', ['batch', shape.itemLayout.width]);
  const users = graph.input('users_pooled', 'float32', ['batch', dimension]);
  const vectors = itemVectors(scope, shape, itemRow, {
    fields: readsItemFields(shape) ? fields : null,
    users: shape.config.features.itemUsers ? users : null,
  });
  graph.output('item_vectors', vectors);
  return toOnnx(graph, 'item tower');
}

/** What the history's tokens are: id rows, with the content of the items added. (I + 1) x D. */
async function tokenTable(
  shape: ModelShape,
  store: ParameterStore,
  itemTable: Float32Array,
  { itemFields, itemFieldsWidth }: EncodedFields,
): Promise<Float32Array> {
  if (!readsItemFields(shape)) return itemTable;
  const { dimension } = shape.config.model;
  const rows = itemTable.length / dimension;
  const graph = new Graph();
  const fields = graph.input('fields', 'int64', ['rows', itemFieldsWidth]);
  graph.output('content', tokenContent(new ExportScope(graph, store), shape, { fields, users: null })!);
  const session = await OnnxSession.open(toOnnx(graph), { name: 'token content' });
  const codes = new BigInt64Array(rows * itemFieldsWidth);
  codes.set(toInt64(itemFields), itemFieldsWidth); // the mask row's fields are missing
  const { content } = await session.run({ fields: { data: codes, dims: [rows, itemFieldsWidth] } });
  await session.close();
  return (content!.data as Float32Array).map((value, i) => value + itemTable[i]!);
}

/** A history [batch, L], newest first and padded at the end, the other way round. */
function oldestFirst(graph: Graph, history: Tensor): Tensor {
  const length = history.shape[1] as number;
  const reversed = BigInt64Array.from({ length }, (_, i) => BigInt(length - 1 - i));
  return graph.transpose(graph.gather(graph.transpose(history, [1, 0]), graph.constant(reversed, [length])), [1, 0]);
}

/** 1 for every event, and for the slot before the first one, which has the mask row; 0 for padding. [batch, L] */
function presence(graph: Graph, history: Tensor): Tensor {
  const length = history.shape[1] as number;
  const zero = graph.constant(BigInt64Array.of(0n), [1]);
  const events = graph.cast(graph.notEqual(history, zero), 'float32');
  const last = graph.slice(events, 1, length - 1, length);
  const always = graph.add(graph.mul(last, graph.scalar(0)), graph.scalar(1));
  const following = length === 1 ? always : graph.concat([graph.slice(events, 1, 1, length), always], 1);
  return graph.maximum(events, following);
}
