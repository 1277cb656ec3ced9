/** Element types that graphs use. */
export type DType = 'float32' | 'int64' | 'bool';
/** A fixed length, or the name of one that is known at run time only. */
export type Dim = number | string;

/** A value of one graph: a graph input, a constant, or the output of a node. */
export interface Tensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly Dim[];
}

export type Attribute = number | string | readonly number[];

/** One ONNX operator with its inputs and its single output. */
export interface GraphNode {
  readonly op: string;
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** Values of a constant, row-major; bool constants are not needed by any operator here. */
export type ConstantData = Float32Array | BigInt64Array;

export const showShape = (shape: readonly Dim[]): string => `[${shape.join(', ')}]`;
export const describe = (tensor: Tensor): string => `${tensor.name} ${tensor.dtype}${showShape(tensor.shape)}`;

/** TensorProto.DataType of each element type. */
export const ONNX_TYPES: Readonly<Record<DType, number>> = { float32: 1, int64: 7, bool: 9 };

/** An Identity that gradients do not pass. */
export const STOP_GRADIENT = 'StopGradient';
