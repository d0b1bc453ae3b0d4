import type { EncoderSpec, HeadSpec } from '../architecture/spec.js'
import type { GraphBuilder, Value } from './graph-builder.js'
import { activate, layerNorm, linear } from './layer-parts.js'

/** What a task head can read. */
export type HeadInputs = {
  /** [batch, sequence, hidden] */
  readonly tokens: Value
  /** [batch, hidden] */
  readonly pooled: Value | null
}

/** Each sequence's first token [batch, hidden]. */
export function firstTokens(graph: GraphBuilder, tokens: Value): Value {
  return graph.node('Gather', [tokens, graph.whole(0)], { axis: 1 })
}

/** [batch, hidden] */
export function pooler(graph: GraphBuilder, { hidden }: EncoderSpec, tokens: Value): Value {
  return graph.node('Tanh', [linear(graph, 'pooler', firstTokens(graph, tokens), hidden, hidden)])
}

/**
 * The head's logits: [batch, sequence, labels] or [batch, labels].
 * @param tied whether a masked language head's output is the word embeddings, which are in the file once
 */
export function logits(
  graph: GraphBuilder,
  spec: EncoderSpec,
  head: HeadSpec,
  inputs: HeadInputs,
  tied: boolean,
): Value {
  const input = inputOf(graph, head, inputs)
  const last = head.transform === null ? input : transform(graph, spec, head.transform, input)
  const width = head.transform?.size ?? spec.hidden
  if (!tied) return linear(graph, 'head.output', last, width, head.labels)
  const words = graph.node('Transpose', ['wordEmbeddings'], { perm: [1, 0] })
  const products = graph.node('MatMul', [last, words])
  return graph.node('Add', [products, graph.weight('head.output.bias', [head.labels])])
}

/** Question answering's two columns under the names that its users look for. */
export function answerLogits(graph: GraphBuilder, both: Value): { start: Value; end: Value } {
  const column = (index: number) => graph.node('Gather', [both, graph.whole(index)], { axis: 2 })
  return { start: column(0), end: column(1) }
}

function inputOf(graph: GraphBuilder, head: HeadSpec, { tokens, pooled }: HeadInputs): Value {
  if (head.input === 'first') return firstTokens(graph, tokens)
  return head.input === 'pooled' ? pooled! : tokens
}

function transform(
  graph: GraphBuilder,
  { hidden, epsilon }: EncoderSpec,
  { size, activation, norm }: NonNullable<HeadSpec['transform']>,
  input: Value,
): Value {
  const active = activate(graph, activation, linear(graph, 'head.transform', input, hidden, size))
  return norm ? layerNorm(graph, 'head.transformNorm', active, size, epsilon) : active
}
