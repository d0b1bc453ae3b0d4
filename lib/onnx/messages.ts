import { create } from '@bufbuild/protobuf'
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './onnx_pb.js'

/** An attribute: a whole number or a list of them, or `{ float }`. */
export function attribute(
  name: string,
  value: number | readonly number[] | { readonly float: number },
): AttributeProto {
  if (typeof value === 'number')
    return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) })
  if ('float' in value)
    return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value.float })
  return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map(BigInt) })
}

/** fp32, without dimensions. */
export function scalarTensor(name: string, value: number): TensorProto {
  const rawData = new Uint8Array(4)
  new DataView(rawData.buffer).setFloat32(0, value, true)
  return create(TensorProtoSchema, { name, dataType: DataType.FLOAT, rawData })
}

/** int64: a list [n], or one number without dimensions. */
export function int64Tensor(name: string, value: number | readonly number[]): TensorProto {
  const list = typeof value === 'number' ? [value] : value
  const rawData = new Uint8Array(8 * list.length)
  const view = new DataView(rawData.buffer)
  for (const [at, each] of list.entries()) view.setBigInt64(8 * at, BigInt(each), true)
  const dims = typeof value === 'number' ? [] : [BigInt(list.length)]
  return create(TensorProtoSchema, { name, dims, dataType: DataType.INT64, rawData })
}

/** What an input or output is; a dimension is a size, or the name of one that a run decides. */
export function valueInfo(
  name: string,
  elemType: DataType,
  shape: readonly (number | string)[],
): ValueInfoProto {
  const dim = shape.map((size) => ({
    value:
      typeof size === 'string'
        ? { case: 'dimParam' as const, value: size }
        : { case: 'dimValue' as const, value: BigInt(size) },
  }))
  const value = { case: 'tensorType' as const, value: { elemType, shape: { dim } } }
  return create(ValueInfoProtoSchema, { name, type: { value } })
}
