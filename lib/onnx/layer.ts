import type { EncoderSpec } from '../architecture/spec.js'
import type { GraphBuilder, Value } from './graph-builder.js'
import { activate, layerNorm, linear } from './layer-parts.js'

/** What a layer adds to its scores. */
export type ScoreBias = {
  /** [batch, 1, 1, sequence]: 0, or for masked keys what no score comes up to. */
  readonly mask: Value
  /** [1, heads, sequence, sequence] */
  readonly position: Value | null
}

/** One application of a layer, [batch, sequence, hidden] to the same. */
export function layer(
  graph: GraphBuilder,
  spec: EncoderSpec,
  index: number,
  input: Value,
  bias: ScoreBias,
): Value {
  const { hidden, epsilon, activation } = spec
  const { weights, inner, heads } = spec.layers[index]!
  const part = (name: string) => `layers.${weights}.${name}`
  const context = heads.length === 0 ? input : attention(graph, spec, index, input, bias)
  const attended = linear(graph, part('attentionOutput'), context, heads.length * spec.headSize, hidden)
  const summed = graph.node('Add', [attended, input])
  const middle = layerNorm(graph, part('attentionNorm'), summed, hidden, epsilon)

  const expanded =
    inner === 0 ? middle : activate(graph, activation, linear(graph, part('ffnIn'), middle, hidden, inner))
  const reduced = linear(graph, part('ffnOut'), expanded, inner, hidden)
  return layerNorm(graph, part('outputNorm'), graph.node('Add', [reduced, middle]), hidden, epsilon)
}

/** Of the heads that are there [batch, sequence, heads × headSize]. */
function attention(
  graph: GraphBuilder,
  { hidden, headSize, layers }: EncoderSpec,
  index: number,
  input: Value,
  { mask, position }: ScoreBias,
): Value {
  const { weights, heads } = layers[index]!
  const width = heads.length * headSize
  const split = graph.whole([0, 0, heads.length, headSize])
  const byHead = (name: string, perm: readonly number[]) => {
    const rows = linear(graph, `layers.${weights}.${name}`, input, hidden, width)
    return graph.node('Transpose', [graph.node('Reshape', [rows, split])], { perm })
  }
  const query = byHead('query', [0, 2, 1, 3])
  const key = byHead('key', [0, 2, 3, 1])
  const value = byHead('value', [0, 2, 1, 3])

  const products = graph.node('MatMul', [query, key])
  const scaled = graph.node('Div', [products, graph.scalar(Math.sqrt(headSize))])
  const placed = position === null ? scaled : graph.node('Add', [scaled, position])
  const shares = graph.node('Softmax', [graph.node('Add', [placed, mask])], { axis: -1 })
  const context = graph.node('Transpose', [graph.node('MatMul', [shares, value])], { perm: [0, 2, 1, 3] })
  return graph.node('Reshape', [context, graph.whole([0, 0, width])])
}
