import type { EncoderSpec } from '../architecture/spec.js'
import type { GraphBuilder, Value } from './graph-builder.js'
import { layerNorm, linear } from './layer-parts.js'
import { TensorProto_DataType as DataType } from './onnx_pb.js'

/** int64 [batch, sequence] each; `types` only where there is more than one. */
export type Inputs = { readonly ids: Value; readonly mask: Value; readonly types: Value | null }

/** Words, types and positions, normalised [batch, sequence, hidden]. */
export function embeddings(graph: GraphBuilder, spec: EncoderSpec, inputs: Inputs): Value {
  const { vocab, positions, embedding, hidden, epsilon, projection } = spec
  const words = graph.node('Gather', [graph.weight('wordEmbeddings', [vocab, embedding]), inputs.ids])
  const typed = addTypes(graph, spec, words, inputs.types)
  const table = graph.weight('positionEmbeddings', [positions, embedding])
  const placed = graph.node('Gather', [table, positionIds(graph, spec, inputs.ids)])
  const summed = graph.node('Add', [typed, placed])
  const normed = layerNorm(graph, 'embeddingNorm', summed, embedding, epsilon)
  return projection ? linear(graph, 'embeddingProjection', normed, embedding, hidden) : normed
}

/** 0, 1, 2 … up to the length of the batch's sequences [sequence]. */
export function tokenIndices(graph: GraphBuilder, ids: Value): Value {
  const length = graph.node('Gather', [graph.node('Shape', [ids]), graph.whole(1)])
  return graph.node('Range', [graph.whole(0), length, graph.whole(1)])
}

function addTypes(
  graph: GraphBuilder,
  { tokenTypes, embedding }: EncoderSpec,
  words: Value,
  types: Value | null,
): Value {
  if (tokenTypes === 0) return words
  const table = graph.weight('tokenTypeEmbeddings', [tokenTypes, embedding])
  // A single type is every token's: its row is added to all.
  return graph.node('Add', [words, types === null ? table : graph.node('Gather', [table, types])])
}

/** As `EncoderSpec.positionPadding` says: [sequence], or [batch, sequence] where positions depend on the ids. */
function positionIds(graph: GraphBuilder, { positionPadding }: EncoderSpec, ids: Value): Value {
  if (positionPadding === null) return tokenIndices(graph, ids)
  const padding = graph.whole(positionPadding)
  const isText = graph.node('Not', [graph.node('Equal', [ids, padding])])
  const one = graph.node('Cast', [isText], { to: DataType.INT64 })
  const counted = graph.node('Mul', [graph.node('CumSum', [one, graph.whole(1)]), one])
  return graph.node('Add', [counted, padding])
}
