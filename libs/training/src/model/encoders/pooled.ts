import type { Encoder } from '../encoder';
import { slotTimes } from '../history';
import { linear } from '../layers';
import { constant, normal } from '../parameters';

/**
 * The pooled two-tower (after DSSM, CIKM 2013, and YouTubeDNN, RecSys 2016): the history's mean with weights that decay
 * by age, beside the user's id row and profile, through a perceptron with a linear skip that starts as the identity on
 * the pooled history.
 */
export const pooled: Encoder = {
  positions: 'last',
  vectorsPerUser: () => 1,

  encode(scope, { tokens, present, context }, config) {
    const { graph } = scope;
    const [batch, length, dimension] = tokens.shape as [number | string, number, number];
    const { hidden, dropout, recency } = config.model;
    const logRate = scope.parameter('pooled.logRate', [], constant(Math.log(-Math.log(recency))));
    const decay = graph.exp(graph.neg(graph.mul(graph.exp(logRate), slotTimes(graph, length, 'last'))));
    const weights = graph.mul(present, decay);
    const shares = graph.div(weights, graph.reduceSum(weights, [1], true));
    const sum = graph.matmul(graph.reshape(shares, [batch, 1, length]), tokens);
    const history = graph.reshape(sum, [batch, dimension]);
    const x = scope.dropout(context ? graph.concat([history, context], 1) : history, dropout);
    const width = x.shape[1] as number;
    const middle = graph.relu(linear(scope, 'pooled.in', x, hidden, normal(Math.sqrt(2 / width))));
    const deep = linear(scope, 'pooled.out', middle, dimension, normal(0.1 / Math.sqrt(hidden)));
    const skip = scope.parameter('pooled.skip', [width, dimension], (size, random) => {
      const values = normal(0.1 / Math.sqrt(width))(size, random);
      for (let d = 0; d < dimension; d++) values[d * dimension + d]! += 1;
      return values;
    });
    return graph.reshape(graph.add(deep, graph.matmul(x, skip)), [batch, 1, dimension]);
  },
};
