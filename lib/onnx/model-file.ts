import { create, toBinary } from '@bufbuild/protobuf'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { Graph, GraphWeight } from './graph-builder.js'
import {
  TensorProto_DataLocation as DataLocation,
  TensorProto_DataType as DataType,
  GraphProtoSchema,
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from './onnx_pb.js'

/** A weight in a file, after bytes of the file's own. */
export type PlacedWeight = { readonly before: Uint8Array; readonly weight: GraphWeight }

/** Weights are fp32, little-endian, row-major over their `dims`. */
export type ModelFile = {
  readonly name: string
  readonly header: Uint8Array
  readonly weights: readonly PlacedWeight[]
}

/** Bytes that a protobuf message may have. */
export const protobufLimit = 2 ** 31 - 1

/** Offsets in a file beside the model are whole pages, so that runtimes can map its tensors. */
const page = 4096

const opset = 17n
const irVersion = 8n
const dataName = 'model.onnx_data'

/**
 * The files of a model: `model.onnx` with the weights inside, or, where that would be more than `limit` bytes, with
 * the weights beside it in `model.onnx_data`.
 */
export function modelFiles(graph: Graph, limit = protobufLimit): ModelFile[] {
  const whole = modelFile(graph)
  if (whole.header.length + bytesOf(whole.weights) <= limit) return [whole]

  const weights = placeOutside(graph.weights)
  const initializer = [...graph.proto.initializer, ...weights.map(({ tensor }) => tensor)]
  const model = modelFile({ proto: { ...graph.proto, initializer }, weights: [] })
  return [model, { name: dataName, header: new Uint8Array(), weights }]
}

function weightBytes({ dims }: GraphWeight): number {
  return dims.reduce((product, size) => product * size, 4)
}

function bytesOf(weights: readonly PlacedWeight[]): number {
  return weights.reduce((sum, { before, weight }) => sum + before.length + weightBytes(weight), 0)
}

/** The graph's message is written around its weights, whose bytes it never holds. Lengths may be over the limit. */
function modelFile(graph: Graph): ModelFile {
  const opsetImport = [{ domain: '', version: opset }]
  const model = create(ModelProtoSchema, {
    irVersion,
    producerName: 'twofour',
    opsetImport,
  })
  const inside = toBinary(GraphProtoSchema, graph.proto)
  const weights = graph.weights.map((weight) => ({ before: beforeData(weight), weight }))
  const header = new BinaryWriter()
    .raw(toBinary(ModelProtoSchema, model))
    .tag(ModelProtoSchema.field.graph.number, WireType.LengthDelimited)
    .uint64(inside.length + bytesOf(weights))
    .raw(inside)
  return { name: 'model.onnx', header: header.finish(), weights }
}

/** An initializer of the graph up to its data, which comes last. */
function beforeData(weight: GraphWeight): Uint8Array {
  const bytes = weightBytes(weight)
  const tensor = new BinaryWriter()
    .raw(toBinary(TensorProtoSchema, describeWeight(weight)))
    .tag(TensorProtoSchema.field.rawData.number, WireType.LengthDelimited)
    .uint64(bytes)
    .finish()
  return new BinaryWriter()
    .tag(GraphProtoSchema.field.initializer.number, WireType.LengthDelimited)
    .uint64(tensor.length + bytes)
    .raw(tensor)
    .finish()
}

function describeWeight({ name, dims }: GraphWeight): TensorProto {
  return create(TensorProtoSchema, { name, dims: dims.map(BigInt), dataType: DataType.FLOAT })
}

function placeOutside(weights: readonly GraphWeight[]): (PlacedWeight & { tensor: TensorProto })[] {
  let end = 0
  return weights.map((weight) => {
    const offset = Math.ceil(end / page) * page
    const before = new Uint8Array(offset - end)
    end = offset + weightBytes(weight)
    return { before, weight, tensor: outsideTensor(weight, offset) }
  })
}

function outsideTensor(weight: GraphWeight, offset: number): TensorProto {
  const place = { location: dataName, offset: `${offset}`, length: `${weightBytes(weight)}` }
  const tensor = describeWeight(weight)
  tensor.dataLocation = DataLocation.EXTERNAL
  tensor.externalData = Object.entries(place).map(([key, value]) =>
    create(StringStringEntryProtoSchema, { key, value }),
  )
  return tensor
}
