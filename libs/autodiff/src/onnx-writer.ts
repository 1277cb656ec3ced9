import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { MicError } from '@mic/domain';
import type { Graph } from './graph';
import { ONNX_TYPES, STOP_GRADIENT, type Attribute, type ConstantData, type GraphNode, type Tensor } from './tensor';

/** ONNX IR version and operator set that the models declare (onnx.proto: Version, opset 17 of the default domain). */
const IR_VERSION = 8;
const OPSET = 17;

/** AttributeProto.AttributeType. */
const ATTRIBUTE = { int: 2, string: 3, ints: 7 } as const;

/**
 * The graph as an ONNX model (onnx.proto, ModelProto). Nodes and constants that no output needs are left out; graph
 * inputs stay, needed or not, because they are the model's interface.
 *
 * @throws MicError INVALID_ARGUMENT when the graph has no output.
 */
export function toOnnx(graph: Graph, name = 'graph'): Uint8Array {
  if (graph.outputs.size === 0) throw new MicError('INVALID_ARGUMENT', `the graph "${name}" has no output`);
  const { nodes, used } = needed(graph);
  const model = new BinaryWriter();
  model.uint32((1 << 3) | 0).int64(IR_VERSION);
  message(model, 7, (body) => {
    for (const node of nodes) message(body, 1, (writer) => writeNode(writer, node));
    body.uint32((2 << 3) | 2).string(name);
    for (const [tensor, data] of graph.constants) {
      if (used.has(tensor)) message(body, 5, (writer) => writeConstant(writer, tensor, data));
    }
    for (const input of graph.inputs) message(body, 11, (writer) => writeValueInfo(writer, input));
    for (const output of graph.outputs.values()) message(body, 12, (writer) => writeValueInfo(writer, output));
  });
  message(model, 8, (opset) => opset.uint32((2 << 3) | 0).int64(OPSET));
  return model.finish();
}

function needed(graph: Graph): { nodes: GraphNode[]; used: Set<Tensor> } {
  const used = new Set<Tensor>(graph.outputs.values());
  const nodes: GraphNode[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!used.has(node.output)) continue;
    nodes.push(node);
    for (const input of node.inputs) used.add(input);
  }
  return { nodes: nodes.reverse(), used };
}

function message(writer: BinaryWriter, field: number, write: (body: BinaryWriter) => void): void {
  writer.uint32((field << 3) | 2).fork();
  write(writer);
  writer.join();
}

function writeNode(writer: BinaryWriter, { op, inputs, output, attributes }: GraphNode): void {
  for (const input of inputs) writer.uint32((1 << 3) | 2).string(input.name);
  writer.uint32((2 << 3) | 2).string(output.name);
  writer.uint32((3 << 3) | 2).string(output.name);
  writer.uint32((4 << 3) | 2).string(op === STOP_GRADIENT ? 'Identity' : op);
  for (const [name, value] of Object.entries(attributes)) {
    message(writer, 5, (body) => writeAttribute(body, name, value));
  }
}

function writeAttribute(writer: BinaryWriter, name: string, value: Attribute): void {
  writer.uint32((1 << 3) | 2).string(name);
  if (typeof value === 'number') {
    writer.uint32((3 << 3) | 0).int64(value);
    writer.uint32((20 << 3) | 0).int32(ATTRIBUTE.int);
  } else if (typeof value === 'string') {
    writer.uint32((4 << 3) | 2).string(value);
    writer.uint32((20 << 3) | 0).int32(ATTRIBUTE.string);
  } else {
    for (const item of value) writer.uint32((8 << 3) | 0).int64(item);
    writer.uint32((20 << 3) | 0).int32(ATTRIBUTE.ints);
  }
}

function writeConstant(writer: BinaryWriter, tensor: Tensor, data: ConstantData): void {
  for (const dim of tensor.shape) writer.uint32((1 << 3) | 0).int64(dim as number);
  writer.uint32((2 << 3) | 0).int32(ONNX_TYPES[tensor.dtype]);
  writer.uint32((8 << 3) | 2).string(tensor.name);
  writer.uint32((9 << 3) | 2).bytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function writeValueInfo(writer: BinaryWriter, { name, dtype, shape }: Tensor): void {
  writer.uint32((1 << 3) | 2).string(name);
  message(writer, 2, (type) => {
    message(type, 1, (tensorType) => {
      tensorType.uint32((1 << 3) | 0).int32(ONNX_TYPES[dtype]);
      message(tensorType, 2, (shapeProto) => {
        for (const dim of shape) {
          message(shapeProto, 1, (body) => {
            if (typeof dim === 'number') body.uint32((1 << 3) | 0).int64(dim);
            else body.uint32((2 << 3) | 2).string(dim);
          });
        }
      });
    });
  });
}
