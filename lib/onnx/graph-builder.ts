import { create } from '@bufbuild/protobuf'
import type { Slot } from '../architecture/spec.js'
import { attribute, int64Tensor, scalarTensor, valueInfo } from './messages.js'
import {
  type GraphProto,
  GraphProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProto_DataType,
  type ValueInfoProto,
} from './onnx_pb.js'

/** A value in the graph: the name of an input, an initializer or a node's output. */
export type Value = string

/** A weight that the graph names; its bytes, fp32, are not here. */
export type GraphWeight = {
  readonly name: Value
  readonly slot: Slot
  /** Of the initializer. */
  readonly dims: readonly number[]
  /** Whether `dims` are those of the slot's matrix the other way round. */
  readonly transposed: boolean
}

/** A graph without the bytes of its weights. */
export type Graph = { readonly proto: GraphProto; readonly weights: readonly GraphWeight[] }

/** A size, or the name of one that a run decides. */
export type Dimension = number | string

type Attributes = Readonly<Record<string, Parameters<typeof attribute>[1]>>

type Parts = {
  readonly nodes: NodeProto[]
  readonly constants: Map<Value, TensorProto>
  readonly weights: Map<Value, GraphWeight>
  readonly inputs: ValueInfoProto[]
  readonly outputs: ValueInfoProto[]
  /** How often each scope has each operator. */
  readonly counts: Map<string, number>
  /** Value → the name that it has as an output of the graph. */
  readonly renamed: Map<Value, string>
}

/** Collects nodes in the order in which they run. Views of one graph differ in the prefix of their nodes' names. */
export class GraphBuilder {
  readonly #parts: Parts
  readonly #scope: string

  constructor(parts?: Parts, scope = '') {
    this.#parts = parts ?? {
      nodes: [],
      constants: new Map(),
      weights: new Map(),
      inputs: [],
      outputs: [],
      counts: new Map(),
      renamed: new Map(),
    }
    this.#scope = scope
  }

  /** The same graph, whose new nodes are named `scope/Operator`. */
  at(scope: string): GraphBuilder {
    return new GraphBuilder(this.#parts, `${scope}/`)
  }

  /** Adds a node of one output. */
  node(operator: string, inputs: readonly Value[], attributes: Attributes = {}): Value {
    const { counts, nodes } = this.#parts
    const plain = this.#scope + operator
    const count = (counts.get(plain) ?? 0) + 1
    counts.set(plain, count)
    const name = count === 1 ? plain : `${plain}_${count}`
    const list = Object.entries(attributes).map(([key, value]) => attribute(key, value))
    nodes.push(
      create(NodeProtoSchema, {
        name,
        opType: operator,
        input: [...inputs],
        output: [name],
        attribute: list,
      }),
    )
    return name
  }

  /** A number, as a tensor without dimensions. */
  scalar(value: number): Value {
    return this.#constant(scalarTensor(`number ${value}`, value))
  }

  /** Whole numbers: a list [n], or one without dimensions. */
  whole(value: number | readonly number[], name = `whole ${JSON.stringify(value)}`): Value {
    return this.#constant(int64Tensor(name, value))
  }

  /** The weight of a slot: a table or vector as it is, or a matrix the other way round. */
  weight(slot: Slot, dims: readonly number[], transposed = false): Value {
    this.#parts.weights.set(slot, { name: slot, slot, dims, transposed })
    return slot
  }

  input(name: string, shape: readonly Dimension[]): Value {
    this.#parts.inputs.push(valueInfo(name, TensorProto_DataType.INT64, shape))
    return name
  }

  /** Gives a node's value the name of an output, fp32. */
  output(name: string, value: Value, shape: readonly Dimension[]): void {
    this.#parts.renamed.set(value, name)
    this.#parts.outputs.push(valueInfo(name, TensorProto_DataType.FLOAT, shape))
  }

  build(name: string): Graph {
    const { nodes, constants, weights, inputs, outputs, renamed } = this.#parts
    const final = (value: Value) => renamed.get(value) ?? value
    for (const node of nodes) {
      node.input = node.input.map(final)
      node.output = node.output.map(final)
    }
    const initializer = [...constants.values()]
    const proto = create(GraphProtoSchema, { name, node: nodes, initializer, input: inputs, output: outputs })
    return { proto, weights: [...weights.values()] }
  }

  #constant(tensor: TensorProto): Value {
    this.#parts.constants.set(tensor.name, tensor)
    return tensor.name
  }
}
