import type { Tensor } from '@mic/autodiff';
import type { Encoder } from '../encoder';
import { addContext, flatRows } from '../history';
import { linear } from '../layers';
import { normal } from '../parameters';

/**
 * A gated recurrent unit over the history (GRU4Rec, Hidasi et al., ICLR 2016), unrolled: the inputs of all slots are
 * projected at once, the state of each slot follows from the one before. Padding leaves the state as it is.
 */
export const gru4rec: Encoder = {
  positions: 'all',
  vectorsPerUser: () => 1,

  encode(scope, { tokens, present, context }, config, positions) {
    const { graph } = scope;
    const [batch, length, dimension] = tokens.shape as [number | string, number, number];
    const { hidden, dropout } = config.model;
    const x = scope.dropout(graph.mul(tokens, graph.scalar(Math.sqrt(dimension))), dropout);
    const projected = linear(scope, 'gru.input', x, 3 * hidden);
    const recurrent = scope.parameter('gru.state', [hidden, 3 * hidden], normal(1 / Math.sqrt(hidden)));
    const one = graph.scalar(1);

    const states: Tensor[] = [];
    const slotOf = (from: Tensor, slot: number): Tensor => graph.slice(from, 1, slot, slot + 1);
    const gate = (from: Tensor, which: number): Tensor => graph.slice(from, 1, which * hidden, (which + 1) * hidden);
    const inputs = Array.from({ length }, (_, slot) => graph.reshape(slotOf(projected, slot), [batch, 3 * hidden]));
    let state = graph.mul(gate(inputs[0]!, 0), graph.scalar(0));
    inputs.forEach((input, slot) => {
      const from = graph.matmul(state, recurrent);
      const gates = graph.sigmoid(graph.add(graph.slice(input, 1, 0, 2 * hidden), graph.slice(from, 1, 0, 2 * hidden)));
      const fresh = graph.tanh(graph.add(gate(input, 2), graph.mul(gate(gates, 0), gate(from, 2))));
      // What changes: present x (1 - update) x (fresh - before).
      const kept = graph.mul(graph.sub(one, gate(gates, 1)), slotOf(present, slot));
      state = graph.add(state, graph.mul(kept, graph.sub(fresh, state)));
      if (positions === 'all') states.push(graph.reshape(state, [batch, 1, hidden]));
    });
    const times = positions === 'all' ? length : 1;
    const rows = flatRows(batch, times);
    const wanted = positions === 'all' ? graph.reshape(graph.concat(states, 1), [rows, hidden]) : state;
    const vectors = linear(scope, 'gru.out', scope.dropout(wanted, dropout), dimension);
    return graph.reshape(addContext(scope, vectors, context, times, dimension), [rows, 1, dimension]);
  },
};
