import { MicError } from '@mic/domain';
import type { Graph } from './graph';
import { constantAt, GRADIENT_RULES, unbroadcast } from './gradient-rules';
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
  const grads = new Accumulator(graph);
  grads.add(loss, graph.scalar(1));
  for (const node of forward.reverse()) {
    const grad = grads.get(node.output);
    if (!grad || !path.has(node.output)) continue;
    if (node.op === 'Slice') {
      grads.addSlice(node, grad);
      continue;
    }
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
      grads.add(input, unbroadcast(graph, inputGrad, input.shape));
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

/** A stretch of a tensor along one axis, and its gradient. */
interface Piece {
  readonly start: number;
  readonly end: number;
  readonly grad: Tensor;
}

/**
 * Sums up the gradients of tensors. Those of slices are kept apart and put side by side at the end: padding each to the
 * size of the whole would cost a recurrence over a sequence the square of its length.
 */
class Accumulator {
  readonly #graph: Graph;
  readonly #sums = new Map<Tensor, Tensor>();
  /** By tensor and axis: rows of pieces that do not overlap. */
  readonly #pieces = new Map<Tensor, Map<number, Piece[][]>>();

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  add(x: Tensor, grad: Tensor): void {
    const before = this.#sums.get(x);
    this.#sums.set(x, before ? this.#graph.add(before, grad) : grad);
  }

  addSlice({ inputs, output }: GraphNode, grad: Tensor): void {
    const [x, starts, , axes] = inputs as [Tensor, Tensor, Tensor, Tensor];
    const axis = constantAt(this.#graph, axes, 0);
    const start = constantAt(this.#graph, starts, 0);
    const piece = { start, end: start + (output.shape[axis] as number), grad };
    const byAxis = this.#pieces.get(x) ?? new Map<number, Piece[][]>();
    this.#pieces.set(x, byAxis);
    const rows = byAxis.get(axis) ?? [];
    byAxis.set(axis, rows);
    const free = rows.find((row) => row.every(({ start: from, end: to }) => piece.end <= from || piece.start >= to));
    if (free) free.push(piece);
    else rows.push([piece]);
  }

  /** The gradient of a tensor, all of whose uses have been gone through. */
  get(x: Tensor): Tensor | undefined {
    for (const [axis, rows] of this.#pieces.get(x) ?? []) {
      for (const row of rows) this.add(x, this.#join(x, axis, row));
    }
    this.#pieces.delete(x);
    return this.#sums.get(x);
  }

  #join(x: Tensor, axis: number, pieces: Piece[]): Tensor {
    pieces.sort((a, b) => a.start - b.start);
    const size = x.shape[axis] as number;
    const padded = pieces.map(({ start, end, grad }, i) => {
      const before = i === 0 ? start : 0;
      const after = (pieces[i + 1]?.start ?? size) - end;
      return before + after > 0 ? this.#graph.padZeros(grad, axis, before, after) : grad;
    });
    return padded.length === 1 ? padded[0]! : this.#graph.concat(padded, axis);
  }
}
