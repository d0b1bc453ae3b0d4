import type { GraphBuilder, Value } from './graph-builder.js'
import { TensorProto_DataType as DataType } from './onnx_pb.js'

/** The lowest fp32: below whatever it is added to or compared with, and unlike −∞ a number when multiplied by 0. */
export const lowest = -3.4028234663852886e38

/**
 * What is added to attention scores: 0, or `lowest` for masked keys [batch, 1, 1, sequence].
 * @param mask int64 [batch, sequence], 1 for a token
 */
export function scoreMask(graph: GraphBuilder, mask: Value): Value {
  const kept = graph.node('Cast', [graph.node('Unsqueeze', [mask, graph.whole([1, 2])])], {
    to: DataType.FLOAT,
  })
  return graph.node('Mul', [graph.node('Sub', [graph.scalar(1), kept]), graph.scalar(lowest)])
}

/** The mask beside token vectors [batch, sequence, 1]. */
export function tokenColumn(graph: GraphBuilder, mask: Value, type: DataType): Value {
  return graph.node('Cast', [graph.node('Unsqueeze', [mask, graph.whole([2])])], { to: type })
}
