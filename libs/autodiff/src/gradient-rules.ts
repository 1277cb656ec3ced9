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
  Abs: ({ graph, node, grad }) => {
    const [x] = node.inputs as [Tensor];
    return [graph.mul(grad, graph.append('Sign', [x], x.dtype, x.shape))];
  },
  // y = x^c, c a constant: dx = g c x^(c - 1)
  Pow: ({ graph, node, grad }) => {
    const [x, exponent] = node.inputs as [Tensor, Tensor];
    const c = graph.constants.get(exponent)?.[0];
    if (c === undefined) return [null, null];
    return [graph.mul(grad, graph.mul(graph.scalar(Number(c)), graph.pow(x, Number(c) - 1))), null];
  },
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
  // y = erf(x): dx = g 2 / sqrt(pi) exp(-x^2)
  Erf: ({ graph, node, grad }) => {
    const [x] = node.inputs as [Tensor];
    const slope = graph.mul(graph.exp(graph.neg(graph.mul(x, x))), graph.scalar(2 / Math.sqrt(Math.PI)));
    return [graph.mul(grad, slope)];
  },
  // y = softmax(x): dx = y (g - sum(g y))
  Softmax: ({ graph, node, grad }) => {
    const y = node.output;
    const mean = graph.reduceSum(graph.mul(grad, y), [node.attributes.axis as number], true);
    return [graph.mul(y, graph.sub(grad, mean))];
  },
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
  Unsqueeze: ({ graph, node, grad }) => [graph.squeeze(grad, constantAt(graph, node.inputs[1]!, 0)), null],
  Squeeze: ({ graph, node, grad }) => [graph.unsqueeze(grad, constantAt(graph, node.inputs[1]!, 0)), null],
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
  Pad: ({ graph, node, grad }) => {
    const [x, pads] = node.inputs as [Tensor, Tensor];
    const axis = Math.max(
      0,
      x.shape.findIndex((dim, i) => dim !== grad.shape[i]),
    );
    const before = constantAt(graph, pads, axis);
    return [graph.slice(grad, axis, before, before + (x.shape[axis] as number)), null];
  },
  Expand: ({ grad }) => [grad, null],
  Gather: ({ graph, node, grad }) => {
    const [table, indices] = node.inputs as [Tensor, Tensor];
    return [graph.scatterAddRows(table, indices, grad), null];
  },
  ReduceSum: ({ graph, node, grad }) => {
    const [x, axes] = node.inputs as [Tensor, Tensor];
    const summed = [...graph.constants.get(axes)!].map(Number).sort((a, b) => a - b);
    const kept = node.attributes.keepdims === 1 ? grad : summed.reduce((g, axis) => graph.unsqueeze(g, axis), grad);
    return [graph.expandLike(kept, x), null];
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

/** An entry of a constant that an operator takes as an input: an axis, a start, a padding. */
export const constantAt = (graph: Graph, constant: Tensor, index: number): number =>
  Number(graph.constants.get(constant)![index]);

function swapLastAxes(graph: Graph, x: Tensor): Tensor {
  const axes = x.shape.map((_, axis) => axis);
  const rank = axes.length;
  return graph.transpose(x, [...axes.slice(0, -2), rank - 1, rank - 2]);
}

/**
 * dB = A^T g; a matrix shared by a batch of A sees all of its rows at once, as one product. Symbolic axes that do not
 * flatten with others make it one product for each member of the batch; the caller sums them.
 */
function matmulRightGradient(graph: Graph, a: Tensor, b: Tensor, grad: Tensor): Tensor {
  if (b.shape.length === a.shape.length) return graph.matmul(swapLastAxes(graph, a), grad);
  const rows = a.shape.slice(0, -1);
  const [symbol, ...otherSymbols] = rows.filter((dim) => typeof dim === 'string');
  const flat = rows.reduce<number>((size, dim) => (typeof dim === 'number' ? size * dim : size), 1);
  const flattens = symbol === undefined || (flat === 1 && otherSymbols.length === 0);
  if (!flattens) return graph.matmul(swapLastAxes(graph, a), grad);
  const flatten = (x: Tensor) => graph.reshape(x, [symbol ?? flat, x.shape.at(-1)!]);
  return graph.matmul(graph.transpose(flatten(a), [1, 0]), flatten(grad));
}
