import { MicError } from '@mic/domain';
import type { Graph } from './graph';
import { GRADIENT_RULES, unbroadcast } from './gradient-rules';
import { describe, STOP_GRADIENT, type GraphNode, type Tensor } from './tensor';

/**
 * Reverse-mode differentiation: appends the backward pass to the graph and gives d loss / d x for each x of `wrt`, of
 * x's shape. Only operators on a path from some x to the loss need a gradient rule; Cast, comparisons and stopGradient
 * end a path.
 *
 * @throws MicError UNIMPLEMENTED when an operator on such a path has no rule (it is named), INVALID_ARGUMENT when the
 *   loss is not a scalar, some x is not float32, or the loss does not depend on it.
 */
export function gradients(graph: Graph, loss: Tensor, wrt: readonly Tensor[]): Tensor[] {
  if (loss.shape.length !== 0 || loss.dtype !== 'float32') {
    throw new MicError('INVALID_ARGUMENT', `the loss must be a float32 scalar, not ${describe(loss)}`);
  }
  for (const x of wrt) {
    if (x.dtype !== 'float32') throw new MicError('INVALID_ARGUMENT', `${describe(x)} has no gradient: not float32`);
  }
  const forward = [...graph.nodes];
  const path = onPath(forward, loss, wrt);
  const grads = new Map<Tensor, Tensor>([[loss, graph.scalar(1)]]);
  for (const node of forward.reverse()) {
    const grad = grads.get(node.output);
    if (!grad || !path.has(node.output)) continue;
    const rule = GRADIENT_RULES[node.op];
    if (!rule) {
      throw new MicError('UNIMPLEMENTED', `the operator ${node.op} (${node.output.name}) has no gradient rule`, {
        remedy: `add a rule for ${node.op} to the gradient rules, or keep it off the path to the loss (stopGradient)`,
      });
    }
    const inputGrads = rule({ graph, node, grad, wanted: (input) => path.has(input) });
    node.inputs.forEach((input, index) => {
      if (!path.has(input)) return;
      const inputGrad = inputGrads[index];
      if (!inputGrad) {
        throw new MicError('UNIMPLEMENTED', `the operator ${node.op} has no gradient rule for ${describe(input)}`, {
          remedy: 'keep that input off the path to the loss (stopGradient)',
        });
      }
      const summed = unbroadcast(graph, inputGrad, input.shape);
      const before = grads.get(input);
      grads.set(input, before ? graph.add(before, summed) : summed);
    });
  }
  return wrt.map((x) => {
    const grad = grads.get(x);
    if (!grad) throw new MicError('INVALID_ARGUMENT', `the loss does not depend on ${describe(x)}`);
    return grad;
  });
}

const PATH_ENDS = new Set([STOP_GRADIENT, 'Cast', 'Equal', 'GreaterOrEqual', 'Not', 'Shape']);

/** Tensors that depend on some x and that the loss depends on, through operators that gradients pass. */
function onPath(nodes: readonly GraphNode[], loss: Tensor, wrt: readonly Tensor[]): Set<Tensor> {
  const fromX = new Set<Tensor>(wrt);
  for (const { op, inputs, output } of nodes) {
    if (!PATH_ENDS.has(op) && inputs.some((input) => fromX.has(input))) fromX.add(output);
  }
  const toLoss = new Set<Tensor>([loss]);
  for (const { op, inputs, output } of [...nodes].reverse()) {
    if (toLoss.has(output) && !PATH_ENDS.has(op)) for (const input of inputs) toLoss.add(input);
  }
  return new Set([...fromX].filter((tensor) => toLoss.has(tensor)));
}
