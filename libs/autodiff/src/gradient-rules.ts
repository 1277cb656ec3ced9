import type { Graph } from './graph';
import type { Dim, GraphNode, Tensor } from './tensor';

export interface RuleContext {
  readonly graph: Graph;
  readonly node: GraphNode;
  /** d loss / d output, of the output's shape. */
  readonly grad: Tensor;
  /** Whether the gradient of an input is needed at all. */
  readonly wanted: (input: Tensor) => boolean;
}

/** Gives d loss / d input for each input (null: none); broadcast axes are summed by the caller. */
type GradientRule = (context: RuleContext) => readonly (Tensor | null)[];

/** One rule an operator. Each is checked against finite differences in gradients.spec.ts. */
export const GRADIENT_RULES: Readonly<Record<string, GradientRule>> = {
  Identity: ({ grad }) => [grad],
  Add: ({ grad }) => [grad, grad],
  Sub: ({ graph, grad }) => [grad, graph.neg(grad)],
  Mul: ({ graph, node, grad, wanted }) => {
    const [a, b] = node.inputs as [Tensor, Tensor];
    return [wanted(a) ? graph.mul(grad, b) : null, wanted(b) ? graph.mul(grad, a) : null];
  },
  // y = a / b: da = g / b, db = -g y / b
  Div: ({ graph, node, grad, wanted }) => {
    const [a, b] = node.inputs as [Tensor, Tensor];
    const scaled = graph.div(grad, b);
    return [wanted(a) ? scaled : null, wanted(b) ? graph.neg(graph.mul(scaled, node.output)) : null];
  },
  Neg: ({ graph, grad }) => [graph.neg(grad)],
  Exp: ({ graph, node, grad }) => [graph.mul(grad, node.output)],
  Log: ({ graph, node, grad }) => [graph.div(grad, node.inputs[0]!)],
  // y = sqrt(x): dx = g / (2 y)
  Sqrt: ({ graph, node, grad }) => [graph.div(grad, graph.mul(graph.scalar(2), node.output))],
  Relu: ({ graph, node, grad }) => {
    const positive = graph.not(graph.greaterOrEqual(graph.scalar(0), node.inputs[0]!));
    return [graph.where(positive, grad, graph.scalar(0))];
  },
  // y = sigmoid(x): dx = g y (1 - y)
  Sigmoid: ({ graph, node, grad }) => [
    graph.mul(grad, graph.mul(node.output, graph.sub(graph.scalar(1), node.output))),
  ],
  // y = tanh(x): dx = g (1 - y^2)
  Tanh: ({ graph, node, grad }) => [graph.mul(grad, graph.sub(graph.scalar(1), graph.mul(node.output, node.output)))],
  Where: ({ graph, node, grad }) => {
    const condition = node.inputs[0]!;
    return [null, graph.where(condition, grad, graph.scalar(0)), graph.where(condition, graph.scalar(0), grad)];
  },
  MatMul: ({ graph, node, grad, wanted }) => {
    const [a, b] = node.inputs as [Tensor, Tensor];
    return [
      wanted(a) ? graph.matmul(grad, swapLastAxes(graph, b)) : null,
      wanted(b) ? matmulRightGradient(graph, a, b, grad) : null,
    ];
  },
  Transpose: ({ graph, node, grad }) => {
    const permutation = node.attributes.perm as readonly number[];
    return [
      graph.transpose(
        grad,
        permutation.map((_, axis) => permutation.indexOf(axis)),
      ),
    ];
  },
  Reshape: ({ graph, node, grad }) => [graph.reshape(grad, node.inputs[0]!.shape), null],
  Concat: ({ graph, node, grad }) => {
    const axis = node.attributes.axis as number;
    let start = 0;
    return node.inputs.map((input) => {
      const end = start + (input.shape[axis] as number);
      const part = graph.slice(grad, axis, start, end);
      start = end;
      return part;
    });
  },
  Slice: ({ graph, node, grad }) => {
    const [x, start, , axis] = node.inputs as [Tensor, Tensor, Tensor, Tensor];
    const at = Number(graph.constants.get(axis)![0]);
    const before = Number(graph.constants.get(start)![0]);
    const after = (x.shape[at] as number) - before - (node.output.shape[at] as number);
    return [graph.padZeros(grad, at, before, after), null, null, null];
  },
  Gather: ({ graph, node, grad }) => {
    const [table, indices] = node.inputs as [Tensor, Tensor];
    return [graph.scatterAddRows(table, indices, grad), null];
  },
  ReduceSum: ({ graph, node, grad }) => {
    const [x, axes] = node.inputs as [Tensor, Tensor];
    const summed = [...graph.constants.get(axes)!].map(Number);
    const kept = x.shape.map((dim, axis) => (summed.includes(axis) ? 1 : dim));
    return [graph.expandLike(graph.reshape(grad, kept), x), null];
  },
};

/** Sums a gradient over the axes along which its tensor was broadcast. */
export function unbroadcast(graph: Graph, grad: Tensor, shape: readonly Dim[]): Tensor {
  const lead = grad.shape.length - shape.length;
  const leading = Array.from({ length: Math.max(0, lead) }, (_, axis) => axis);
  const stretched = shape.flatMap((dim, axis) => (dim === 1 && grad.shape[axis + lead] !== 1 ? [axis + lead] : []));
  let result = stretched.length > 0 ? graph.reduceSum(grad, stretched, true) : grad;
  if (leading.length > 0) result = graph.reduceSum(result, leading);
  return result;
}

function swapLastAxes(graph: Graph, x: Tensor): Tensor {
  const axes = x.shape.map((_, axis) => axis);
  const rank = axes.length;
  return graph.transpose(x, [...axes.slice(0, -2), rank - 1, rank - 2]);
}

/** dB = A^T g; a matrix shared by a batch of A sees all of its rows at once, as one product. */
function matmulRightGradient(graph: Graph, a: Tensor, b: Tensor, grad: Tensor): Tensor {
  if (b.shape.length === a.shape.length) return graph.matmul(swapLastAxes(graph, a), grad);
  const rows = a.shape.slice(0, -1);
  const symbol = rows.find((dim) => typeof dim === 'string');
  const flat = rows.reduce<number>((size, dim) => (typeof dim === 'number' ? size * dim : size), 1);
  if (symbol !== undefined && flat !== 1) {
    return graph.reduceSum(graph.matmul(swapLastAxes(graph, a), grad), [0]);
  }
  const flatten = (x: Tensor) => graph.reshape(x, [symbol ?? flat, x.shape.at(-1)!]);
  return graph.matmul(graph.transpose(flatten(a), [1, 0]), flatten(grad));
}
