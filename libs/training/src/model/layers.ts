import type { Graph, Tensor } from '@mic/autodiff';
import type { FieldLayout } from '@mic/features';
import { constant, normal, zeros, type Initializer } from './parameters';
import type { ModelScope } from './scope';

/** x W + b on the last axis. @param deviation of the start values of W; 1 / sqrt(inputs) by default. */
export function linear(
  scope: ModelScope,
  name: string,
  x: Tensor,
  outputs: number,
  weights: Initializer = normal(1 / Math.sqrt(x.shape.at(-1) as number)),
): Tensor {
  const { graph } = scope;
  const inputs = x.shape.at(-1) as number;
  const product = graph.matmul(x, scope.parameter(`${name}.w`, [inputs, outputs], weights));
  return graph.add(product, scope.parameter(`${name}.b`, [outputs], zeros));
}

/** Layer normalisation over the last axis (Ba et al. 2016), with gain and bias. */
export function layerNorm(scope: ModelScope, name: string, x: Tensor): Tensor {
  const { graph } = scope;
  const width = x.shape.at(-1) as number;
  const centred = graph.sub(x, graph.reduceMean(x, [-1], true));
  const variance = graph.reduceMean(graph.mul(centred, centred), [-1], true);
  const scaled = graph.div(centred, graph.sqrt(graph.add(variance, graph.scalar(1e-6))));
  const gain = scope.parameter(`${name}.gain`, [width], constant(1));
  return graph.add(graph.mul(scaled, gain), scope.parameter(`${name}.bias`, [width], zeros));
}

/**
 * Weighted mean [B, D] of the rows [B, L] of a table, index 0 = padding; a list without entries gives row 0. Lists are
 * filled from the front.
 */
export function pooledRows(graph: Graph, table: Tensor, indices: Tensor): Tensor {
  const [batch, length] = indices.shape as [number | string, number];
  const zero = graph.constant(BigInt64Array.of(0n), [1]);
  const present = graph.cast(graph.not(graph.equal(indices, zero)), 'float32');
  const empty = graph.sub(graph.scalar(1), graph.slice(present, 1, 0, 1));
  const all = graph.add(present, graph.padZeros(empty, 1, 0, length - 1));
  const shares = graph.div(all, graph.reduceSum(all, [1], true));
  const sum = graph.matmul(graph.reshape(shares, [batch, 1, length]), graph.gather(table, indices));
  return graph.reshape(sum, [batch, table.shape[1]!]);
}

/** Embedded fields [B, dimension] of encoded rows [B, layout.width], one tensor a field; a field's values are averaged. */
export function embedFields(
  scope: ModelScope,
  name: string,
  layout: FieldLayout,
  dimension: number,
  codes: Tensor,
): Tensor[] {
  const { graph } = scope;
  return layout.places.map(({ name: field, offset, width, tableSize }) => {
    const table = scope.parameter(`${name}.field.${field}`, [tableSize, dimension], normal(0.05));
    const own = graph.slice(codes, 1, offset, offset + width);
    if (width > 1) return pooledRows(graph, table, own);
    return graph.gather(table, graph.squeeze(own, 1));
  });
}
