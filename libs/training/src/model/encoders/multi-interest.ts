import type { Encoder } from '../encoder';
import { addContext, slotTimes } from '../history';
import { linear } from '../layers';
import { constant, normal } from '../parameters';

/** Added to an attention score that must not count. */
const NEVER = -1e4;

/**
 * Several vectors of a user, each its own attention over the history (ComiRec-SA, Cen et al., KDD 2020), with a learned
 * preference for newer events. Training pulls the vector that is nearest to the target.
 */
export const multiInterest: Encoder = {
  positions: 'last',
  vectorsPerUser: ({ model }) => model.interests,

  encode(scope, { tokens, present, context }, config) {
    const { graph } = scope;
    const [batch, length, dimension] = tokens.shape as [number | string, number, number];
    const { hidden, interests, dropout, recency } = config.model;
    const scale = graph.scalar(Math.sqrt(dimension));
    const x = scope.dropout(graph.mul(tokens, scale), dropout);
    const middle = graph.tanh(linear(scope, 'interests.in', x, hidden));
    const scores = linear(scope, 'interests.out', middle, interests, normal(0.5 / Math.sqrt(hidden))); // [B, L, K]
    const logRate = scope.parameter('interests.logRate', [interests, 1], constant(Math.log(-Math.log(recency))));
    const ages = graph.mul(graph.exp(logRate), slotTimes(graph, length, 'last')); // [K, L]
    const padding = graph.mul(graph.sub(graph.scalar(1), present), graph.scalar(NEVER));
    const logits = graph.add(
      graph.sub(graph.transpose(scores, [0, 2, 1]), ages),
      graph.reshape(padding, [batch, 1, length]),
    );
    const vectors = graph.matmul(graph.softmax(logits, 2), x); // [B, K, D]
    if (!context) return vectors;
    const nothing = graph.mul(graph.reshape(graph.slice(vectors, 1, 0, 1), [batch, dimension]), graph.scalar(0));
    const added = addContext(scope, nothing, context, 1, dimension);
    return graph.add(vectors, graph.reshape(added, [batch, 1, dimension]));
  },
};
