export { Graph } from './graph';
export { gradients } from './gradients';
export { toOnnx } from './onnx-writer';
export type { Dim, DType, Tensor } from './tensor';
