import { MicError } from '@mic/domain';
import {
  broadcastShapes,
  checkExpand,
  checkReshape,
  concatShape,
  frontAxis,
  matmulShape,
  paddedShape,
  reducedAxes,
  reducedShape,
  slicedShape,
  squeezedShape,
  transposedShape,
} from './shapes';
import {
  describe,
  ONNX_TYPES,
  showShape,
  STOP_GRADIENT,
  type Attribute,
  type ConstantData,
  type Dim,
  type DType,
  type GraphNode,
  type Tensor,
} from './tensor';

/**
 * A computation under construction: operators of ONNX with types and shapes that are checked as they are added.
 * Nodes stand in the order in which they were added, which is an order in which they can run. Shapes and types that do
 * not fit, and tensors of another graph, throw a MicError INVALID_ARGUMENT that names the operator and the shapes.
 */
export class Graph {
  readonly nodes: GraphNode[] = [];
  readonly inputs: Tensor[] = [];
  readonly constants = new Map<Tensor, ConstantData>();
  readonly outputs = new Map<string, Tensor>();
  readonly #tensors = new Map<string, Tensor>();
  #counter = 0;

  /** A value that is fed at run time. */
  input(name: string, dtype: DType, shape: readonly Dim[]): Tensor {
    const tensor = this.#tensor(name, dtype, shape);
    this.inputs.push(tensor);
    return tensor;
  }

  /** A value that is part of the model; `data` is not copied. */
  constant(data: ConstantData, shape: readonly number[]): Tensor {
    const size = shape.reduce((product, dim) => product * dim, 1);
    if (data.length !== size) {
      throw new MicError('INVALID_ARGUMENT', `constant: ${data.length} values do not fill [${shape.join(', ')}]`);
    }
    const tensor = this.#tensor(this.#fresh('const'), data instanceof Float32Array ? 'float32' : 'int64', shape);
    this.constants.set(tensor, data);
    return tensor;
  }

  scalar(value: number): Tensor {
    return this.constant(Float32Array.of(value), []);
  }

  /** Names a tensor as a result of the graph. */
  output(name: string, tensor: Tensor): Tensor {
    const named = this.append('Identity', [tensor], tensor.dtype, tensor.shape, {}, name);
    this.outputs.set(name, named);
    return named;
  }

  // Elementwise, with broadcasting.

  add(a: Tensor, b: Tensor): Tensor {
    return this.#binary('Add', a, b);
  }

  sub(a: Tensor, b: Tensor): Tensor {
    return this.#binary('Sub', a, b);
  }

  mul(a: Tensor, b: Tensor): Tensor {
    return this.#binary('Mul', a, b);
  }

  div(a: Tensor, b: Tensor): Tensor {
    return this.#binary('Div', a, b);
  }

  /** The larger of the two; on a tie the gradient goes to the first. */
  maximum(a: Tensor, b: Tensor): Tensor {
    return this.where(this.greaterOrEqual(a, b), a, b);
  }

  neg(x: Tensor): Tensor {
    return this.#unary('Neg', x);
  }

  /** |x|; the gradient at 0 is 0. */
  abs(x: Tensor): Tensor {
    return this.#unary('Abs', x);
  }

  /** x to a constant power. */
  pow(x: Tensor, exponent: number): Tensor {
    return this.#binary('Pow', x, this.scalar(exponent));
  }

  exp(x: Tensor): Tensor {
    return this.#unary('Exp', x);
  }

  log(x: Tensor): Tensor {
    return this.#unary('Log', x);
  }

  sqrt(x: Tensor): Tensor {
    return this.#unary('Sqrt', x);
  }

  relu(x: Tensor): Tensor {
    return this.#unary('Relu', x);
  }

  sigmoid(x: Tensor): Tensor {
    return this.#unary('Sigmoid', x);
  }

  tanh(x: Tensor): Tensor {
    return this.#unary('Tanh', x);
  }

  /** The Gauss error function. */
  erf(x: Tensor): Tensor {
    return this.#unary('Erf', x);
  }

  /** x Phi(x), Phi the normal distribution (Hendrycks and Gimpel 2016), by erf and not the tanh approximation. */
  gelu(x: Tensor): Tensor {
    const twicePhi = this.add(this.erf(this.mul(x, this.scalar(Math.SQRT1_2))), this.scalar(1));
    return this.mul(this.mul(x, this.scalar(0.5)), twicePhi);
  }

  /** condition ? a : b, elementwise. */
  where(condition: Tensor, a: Tensor, b: Tensor): Tensor {
    this.#expect('Where', condition, 'bool');
    this.#expectSame('Where', a, b);
    const shape = broadcastShapes('Where', condition.shape, broadcastShapes('Where', a.shape, b.shape));
    return this.append('Where', [condition, a, b], a.dtype, shape);
  }

  equal(a: Tensor, b: Tensor): Tensor {
    this.#expectSame('Equal', a, b);
    return this.append('Equal', [a, b], 'bool', broadcastShapes('Equal', a.shape, b.shape));
  }

  notEqual(a: Tensor, b: Tensor): Tensor {
    return this.not(this.equal(a, b));
  }

  greaterOrEqual(a: Tensor, b: Tensor): Tensor {
    this.#expectSame('GreaterOrEqual', a, b);
    return this.append('GreaterOrEqual', [a, b], 'bool', broadcastShapes('GreaterOrEqual', a.shape, b.shape));
  }

  not(x: Tensor): Tensor {
    this.#expect('Not', x, 'bool');
    return this.append('Not', [x], 'bool', x.shape);
  }

  /** Changes the element type; no gradient passes. */
  cast(x: Tensor, dtype: DType): Tensor {
    return this.append('Cast', [x], dtype, x.shape, { to: ONNX_TYPES[dtype] });
  }

  /** The same value; no gradient passes. */
  stopGradient(x: Tensor): Tensor {
    return this.append(STOP_GRADIENT, [x], x.dtype, x.shape);
  }

  // Linear algebra and layout.

  /** [..., m, k] x [k, n], or batched [b, m, k] x [b, k, n]. */
  matmul(a: Tensor, b: Tensor): Tensor {
    this.#expect('MatMul', a, 'float32');
    this.#expect('MatMul', b, 'float32');
    return this.append('MatMul', [a, b], 'float32', matmulShape(a.shape, b.shape));
  }

  /** Reorders the axes: axis i of the result is axis permutation[i] of x. */
  transpose(x: Tensor, permutation: readonly number[]): Tensor {
    return this.append('Transpose', [x], x.dtype, transposedShape(x.shape, permutation), { perm: permutation });
  }

  /** The same values in another shape; a symbolic axis, of which there is at most one, stays. */
  reshape(x: Tensor, shape: readonly Dim[]): Tensor {
    checkReshape(x.shape, shape);
    const target = this.#int64(shape.map((dim) => (typeof dim === 'number' ? dim : -1)));
    return this.append('Reshape', [x, target], x.dtype, shape);
  }

  /** Puts in an axis of length 1, so that it is axis `axis` of the result. */
  unsqueeze(x: Tensor, axis: number): Tensor {
    const front = frontAxis('Unsqueeze', axis, [...x.shape, 1]);
    const shape = [...x.shape.slice(0, front), 1, ...x.shape.slice(front)];
    return this.append('Unsqueeze', [x, this.#int64([front])], x.dtype, shape);
  }

  /** Takes out an axis of length 1. */
  squeeze(x: Tensor, axis: number): Tensor {
    const front = frontAxis('Squeeze', axis, x.shape);
    return this.append('Squeeze', [x, this.#int64([front])], x.dtype, squeezedShape(x.shape, front));
  }

  /** Joins one or more tensors along an axis of fixed lengths. */
  concat(xs: readonly Tensor[], axis: number): Tensor {
    const [first] = xs;
    if (!first) throw new MicError('INVALID_ARGUMENT', 'Concat: nothing to join');
    for (const x of xs) this.#expectSame('Concat', first, x);
    const front = frontAxis('Concat', axis, first.shape);
    const shape = concatShape(
      xs.map((x) => x.shape),
      front,
    );
    return this.append('Concat', xs, first.dtype, shape, { axis: front });
  }

  /** Elements start .. end - 1 along one axis of fixed length. */
  slice(x: Tensor, axis: number, start: number, end: number): Tensor {
    const front = frontAxis('Slice', axis, x.shape);
    const shape = slicedShape(x.shape, front, start, end);
    const inputs = [x, this.#int64([start]), this.#int64([end]), this.#int64([front])];
    return this.append('Slice', inputs, x.dtype, shape);
  }

  /** Rows of a table: indices [i...] int64 into table [rows, d...] give [i..., d...]. */
  gather(table: Tensor, indices: Tensor): Tensor {
    this.#expect('Gather', indices, 'int64');
    frontAxis('Gather', 0, table.shape);
    return this.append('Gather', [table, indices], table.dtype, [...indices.shape, ...table.shape.slice(1)], {
      axis: 0,
    });
  }

  reduceSum(x: Tensor, axes: readonly number[], keepDims = false): Tensor {
    const front = reducedAxes('ReduceSum', axes, x.shape);
    const shape = reducedShape(x.shape, front, keepDims);
    return this.append('ReduceSum', [x, this.#int64(front)], x.dtype, shape, { keepdims: Number(keepDims) });
  }

  /** The mean over axes of fixed length. */
  reduceMean(x: Tensor, axes: readonly number[], keepDims = false): Tensor {
    const lengths = reducedAxes('ReduceMean', axes, x.shape).map((axis) => x.shape[axis]!);
    const count = lengths.reduce<number>((product, length) => product * Number(length), 1);
    if (!(count > 0)) {
      throw new MicError('INVALID_ARGUMENT', `ReduceMean: axes of ${showShape(x.shape)} have no fixed length above 0`);
    }
    return this.mul(this.reduceSum(x, axes, keepDims), this.scalar(1 / count));
  }

  /** The largest along the axes. It has no gradient rule: use it under stopGradient, as a shift. */
  reduceMax(x: Tensor, axes: readonly number[], keepDims = false): Tensor {
    const front = reducedAxes('ReduceMax', axes, x.shape);
    const shape = reducedShape(x.shape, front, keepDims);
    return this.append('ReduceMax', [x], x.dtype, shape, { axes: front, keepdims: Number(keepDims) });
  }

  /** exp(x) / sum(exp(x)) along one axis; safe for any finite x. */
  softmax(x: Tensor, axis: number): Tensor {
    this.#expect('Softmax', x, 'float32');
    return this.append('Softmax', [x], x.dtype, x.shape, { axis: frontAxis('Softmax', axis, x.shape) });
  }

  /** x with zeros put before and after along one axis of fixed length. */
  padZeros(x: Tensor, axis: number, before: number, after: number): Tensor {
    const front = frontAxis('Pad', axis, x.shape);
    const shape = paddedShape(x.shape, front, before, after);
    const at = (zeros: number) => x.shape.map((_, i) => (i === front ? zeros : 0));
    return this.append('Pad', [x, this.#int64([...at(before), ...at(after)])], x.dtype, shape);
  }

  /** x broadcast to the shape of another tensor. */
  expandLike(x: Tensor, like: Tensor): Tensor {
    checkExpand(x.shape, like.shape);
    return this.append('Expand', [x, this.#shapeOf(like)], x.dtype, like.shape);
  }

  /**
   * A table of zeros in the shape of `table` to whose rows `indices` the updates are added. ScatterND with reduction
   * add loses updates above one intra-op thread (onnxruntime issues 18048, 23396): run it with one.
   */
  scatterAddRows(table: Tensor, indices: Tensor, updates: Tensor): Tensor {
    const zeros = this.append('ConstantOfShape', [this.#shapeOf(table)], 'float32', table.shape);
    const rows = this.reshape(indices, [...indices.shape, 1]);
    return this.append('ScatterND', [zeros, rows, updates], 'float32', table.shape, { reduction: 'add' });
  }

  // Composed of the above.

  /** x / |x| along the last axis; `epsilon` is added to the squared length. */
  l2Normalize(x: Tensor, epsilon = 1e-12): Tensor {
    const squares = this.reduceSum(this.mul(x, x), [-1], true);
    return this.div(x, this.sqrt(this.add(squares, this.scalar(epsilon))));
  }

  /**
   * log(sum(exp(x - shift))) + shift along one axis, with a constant shift at or above the largest x: after L2
   * normalisation the largest logit is 1 / temperature. (ONNX Runtime's ReduceLogSumExp is slow.)
   */
  logSumExp(x: Tensor, axis: number, shift: number): Tensor {
    const s = this.scalar(shift);
    return this.add(this.log(this.reduceSum(this.exp(this.sub(x, s)), [axis])), s);
  }

  /** Appends one operator as it is; the typed methods above check what they append. */
  append(
    op: string,
    inputs: readonly Tensor[],
    dtype: DType,
    shape: readonly Dim[],
    attributes: Readonly<Record<string, Attribute>> = {},
    name = this.#fresh(op),
  ): Tensor {
    for (const input of inputs) {
      if (this.#tensors.get(input.name) !== input) {
        throw new MicError('INVALID_ARGUMENT', `${op}: ${describe(input)} belongs to another graph`);
      }
    }
    const output = this.#tensor(name, dtype, shape);
    this.nodes.push({ op, inputs, output, attributes });
    return output;
  }

  #unary(op: string, x: Tensor): Tensor {
    this.#expect(op, x, 'float32');
    return this.append(op, [x], x.dtype, x.shape);
  }

  #binary(op: string, a: Tensor, b: Tensor): Tensor {
    this.#expectSame(op, a, b);
    return this.append(op, [a, b], a.dtype, broadcastShapes(op, a.shape, b.shape));
  }

  #shapeOf(x: Tensor): Tensor {
    if (x.shape.every((dim) => typeof dim === 'number')) return this.#int64(x.shape);
    return this.append('Shape', [x], 'int64', [x.shape.length]);
  }

  #int64(values: readonly number[]): Tensor {
    return this.constant(BigInt64Array.from(values, BigInt), [values.length]);
  }

  #expect(op: string, x: Tensor, dtype: DType): void {
    if (x.dtype !== dtype) throw new MicError('INVALID_ARGUMENT', `${op} wants ${dtype}, not ${describe(x)}`);
  }

  #expectSame(op: string, a: Tensor, b: Tensor): void {
    if (a.dtype === b.dtype) return;
    throw new MicError('INVALID_ARGUMENT', `${op}: ${describe(a)} and ${describe(b)} differ in type`);
  }

  #fresh(stem: string): string {
    return `${stem}_${this.#counter++}`;
  }

  #tensor(name: string, dtype: DType, shape: readonly Dim[]): Tensor {
    if (this.#tensors.has(name)) throw new MicError('INVALID_ARGUMENT', `the graph has a tensor "${name}" already`);
    if (shape.some((dim) => typeof dim === 'number' && !(Number.isInteger(dim) && dim >= 0))) {
      throw new MicError('INVALID_ARGUMENT', `"${name}" cannot have the shape ${showShape(shape)}`);
    }
    const tensor: Tensor = { name, dtype, shape };
    this.#tensors.set(name, tensor);
    return tensor;
  }
}
