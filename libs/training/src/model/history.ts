import type { Graph, Tensor } from '@mic/autodiff';
import { linear } from './layers';
import { normal } from './parameters';
import type { ModelScope } from './scope';

/** Ages [times, L] in events of slot s seen from slot t (all slots, or the last only), 0 where s is later. */
export function slotTimes(graph: Graph, length: number, positions: 'all' | 'last'): Tensor {
  return triangle(graph, length, positions, (age) => Math.max(0, age));
}

/** [times, L]: 1 where slot s is not later than slot t. */
export function causalAges(graph: Graph, length: number, positions: 'all' | 'last'): Tensor {
  return triangle(graph, length, positions, (age) => (age >= 0 ? 1 : 0));
}

function triangle(graph: Graph, length: number, positions: 'all' | 'last', valueOf: (age: number) => number): Tensor {
  const times = positions === 'all' ? length : 1;
  const first = length - times;
  const values = Float32Array.from({ length: times * length }, (_, i) =>
    valueOf(first + Math.floor(i / length) - (i % length)),
  );
  return graph.constant(values, [times, length]);
}

/** Rows of B users x `times` slots; a batch of unknown size has one slot a user. */
export const flatRows = (batch: number | string, times: number): number | string =>
  typeof batch === 'number' ? batch * times : batch;

/** Adds the user's projected context [B, C] to vectors [B x times, dimension]. */
export function addContext(
  scope: ModelScope,
  vectors: Tensor,
  context: Tensor | null,
  times: number,
  dimension: number,
): Tensor {
  if (!context) return vectors;
  const { graph } = scope;
  const batch = context.shape[0]!;
  const hidden = graph.relu(linear(scope, 'context.in', context, dimension));
  const added = linear(scope, 'context.out', hidden, dimension, normal(0.1 / Math.sqrt(dimension)));
  if (times === 1) return graph.add(vectors, added);
  const perTime = graph.reshape(vectors, [batch, times, dimension]);
  const summed = graph.add(perTime, graph.reshape(added, [batch, 1, dimension]));
  return graph.reshape(summed, [(batch as number) * times, dimension]);
}
