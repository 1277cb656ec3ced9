import type { Encoder } from '../encoder';
import { addContext, causalAges, flatRows, slotTimes } from '../history';
import { layerNorm, linear } from '../layers';

/**
 * Several exponential means of the history instead of attention (ours): the token itself, the running mean, and causal
 * means with learned decays, joined by a perceptron. The means are products with fixed triangles of weights, so that all
 * positions of a history are trained in one pass.
 */
export const multiDecay: Encoder = {
  positions: 'all',
  vectorsPerUser: () => 1,

  encode(scope, { tokens, present, context }, config, positions) {
    const { graph } = scope;
    const [batch, length, dimension] = tokens.shape as [number | string, number, number];
    const { decays, hidden, dropout } = config.model;
    const scale = graph.scalar(Math.sqrt(dimension));
    const x = scope.dropout(graph.mul(tokens, scale), dropout);

    // Weights of slot s for the vector after slot t: exp(-rate (t - s)), the rate learned as its logarithm.
    const times = positions === 'all' ? length : 1;
    const logRates = scope.parameter('decay.logRate', [decays, 1, 1], () => initialLogRates(decays));
    const ages = slotTimes(graph, length, positions);
    const causal = causalAges(graph, length, positions);
    const decaying = graph.mul(graph.exp(graph.neg(graph.mul(graph.exp(logRates), ages))), causal);
    const weights = graph.reshape(graph.concat([decaying, graph.reshape(causal, [1, times, length])], 0), [
      (decays + 1) * times,
      length,
    ]);
    const byTime = graph.transpose(weights, [1, 0]);
    const sums = graph.matmul(graph.transpose(x, [0, 2, 1]), byTime); // [B, D, means x times]
    const counts = graph.matmul(graph.reshape(present, [batch, 1, length]), byTime);
    const means = graph.div(sums, graph.add(counts, graph.scalar(1e-6)));
    const rows = flatRows(batch, times);
    const perRow = graph.reshape(
      graph.transpose(graph.reshape(means, [batch, dimension, decays + 1, times]), [0, 3, 2, 1]),
      [rows, (decays + 1) * dimension],
    );
    const own = positions === 'all' ? x : graph.slice(x, 1, length - 1, length);
    const features = graph.concat([graph.reshape(own, [rows, dimension]), perRow], 1);
    const middle = scope.dropout(graph.gelu(linear(scope, 'decay.in', features, hidden)), dropout);
    const out = linear(scope, 'decay.out', middle, dimension);
    const running = graph.slice(perRow, 1, decays * dimension, (decays + 1) * dimension);
    const vectors = layerNorm(scope, 'decay.norm', graph.add(out, running));
    return graph.reshape(addContext(scope, vectors, context, times, dimension), [rows, 1, dimension]);
  },
};

/** Decays 1 / (1 + exp(-a)) with a from -1 to 5: from 2.7 events of memory to 150. */
function initialLogRates(decays: number): Float32Array {
  return Float32Array.from({ length: decays }, (_, i) => {
    const a = -1 + (6 * i) / Math.max(1, decays - 1);
    return Math.log(Math.log(1 + Math.exp(-a)));
  });
}
