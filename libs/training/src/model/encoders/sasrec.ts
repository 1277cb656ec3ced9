import type { Tensor } from '@mic/autodiff';
import type { Encoder } from '../encoder';
import { addContext, causalAges, flatRows } from '../history';
import { layerNorm, linear } from '../layers';
import { normal } from '../parameters';
import type { ModelScope } from '../scope';

/** Added to an attention score that must not count. */
const NEVER = -1e4;

/**
 * Causal self-attention (SASRec, Kang and McAuley, ICDM 2018), with normalisation before each part of a block and GELU in
 * between. Positions are learned and counted from the newest slot.
 */
export const sasrec: Encoder = {
  positions: 'all',
  vectorsPerUser: () => 1,

  encode(scope, { tokens, present, context }, config, positions) {
    const { graph } = scope;
    const [batch, length, dimension] = tokens.shape as [number | string, number, number];
    const { blocks, heads, hidden, dropout, longestHistory } = config.model;
    const table = scope.parameter('sasrec.position', [longestHistory, dimension], normal(0.02));
    const places = graph.slice(table, 0, longestHistory - length, longestHistory);
    let x = scope.dropout(graph.add(graph.mul(tokens, graph.scalar(Math.sqrt(dimension))), places), dropout);

    // [B, L, L]: 0 where slot s counts for slot t, NEVER where it is later or padding.
    const later = graph.mul(graph.sub(graph.scalar(1), causalAges(graph, length, 'all')), graph.scalar(NEVER));
    const padding = graph.mul(graph.sub(graph.scalar(1), present), graph.scalar(NEVER));
    const barred = graph.add(later, graph.reshape(padding, [batch, 1, length]));
    for (let block = 0; block < blocks; block++) {
      const name = `sasrec.${block}`;
      const attended = attention(scope, name, layerNorm(scope, `${name}.norm1`, x), barred, heads);
      x = graph.add(x, scope.dropout(attended, dropout));
      const middle = graph.gelu(linear(scope, `${name}.in`, layerNorm(scope, `${name}.norm2`, x), hidden));
      x = graph.add(x, scope.dropout(linear(scope, `${name}.out`, scope.dropout(middle, dropout), dimension), dropout));
    }
    const times = positions === 'all' ? length : 1;
    const wanted = positions === 'all' ? x : graph.slice(x, 1, length - 1, length);
    const rows = flatRows(batch, times);
    const vectors = layerNorm(scope, 'sasrec.norm', graph.reshape(wanted, [rows, dimension]));
    return graph.reshape(addContext(scope, vectors, context, times, dimension), [rows, 1, dimension]);
  },
};

/** Multi-head attention of every slot to the slots that are not barred. */
function attention(scope: ModelScope, name: string, x: Tensor, barred: Tensor, heads: number): Tensor {
  const { graph } = scope;
  const dimension = x.shape[2] as number;
  const width = Math.floor(dimension / heads);
  const projected = linear(scope, `${name}.qkv`, x, 3 * width * heads);
  const scale = graph.scalar(1 / Math.sqrt(width));
  const parts = Array.from({ length: heads }, (_, head) => {
    const part = (which: number): Tensor => {
      const from = (which * heads + head) * width;
      return graph.slice(projected, 2, from, from + width);
    };
    const scores = graph.mul(graph.matmul(part(0), graph.transpose(part(1), [0, 2, 1])), scale);
    return graph.matmul(graph.softmax(graph.add(scores, barred), 2), part(2));
  });
  return linear(scope, `${name}.join`, parts.length === 1 ? parts[0]! : graph.concat(parts, 2), dimension);
}
