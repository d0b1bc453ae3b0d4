import type { EncoderSpec } from '../architecture/spec.js'
import { embeddings, type Inputs } from './embeddings.js'
import { type Graph, GraphBuilder, type Value } from './graph-builder.js'
import { answerLogits, logits, pooler } from './heads.js'
import { layer } from './layer.js'
import { scoreMask } from './mask.js'
import { positionBias } from './position-bias.js'
import { type Sentence, sentenceEmbedding, sentenceWidth } from './sentence.js'

export type GraphOptions = {
  /** What sentence-transformers' files ask for; null: no sentence vectors. */
  readonly sentence: Sentence | null
  /** Whether a masked language head's output is the word embeddings. */
  readonly tied: boolean
}

/**
 * The encoder as an ONNX graph of standard operators, opset 17, fp32, for any batch and length. Inputs: `input_ids`,
 * `attention_mask` and, where there are several token types, `token_type_ids`, int64 [batch, sequence]. Outputs:
 * `last_hidden_state`, and where the model has them `pooler_output`, `logits` (of question answering also
 * `start_logits` and `end_logits`) and `sentence_embedding`.
 * @param spec as it runs: what pruning has removed is not in the graph
 */
export function encoderGraph(spec: EncoderSpec, { sentence, tied }: GraphOptions): Graph {
  const graph = new GraphBuilder()
  const inputs = graphInputs(graph, spec)
  const tokens = hiddenState(graph, spec, inputs)
  graph.output('last_hidden_state', tokens, ['batch', 'sequence', spec.hidden])

  const pooled = spec.pooler ? pooler(graph.at('pooler'), spec, tokens) : null
  if (pooled !== null) graph.output('pooler_output', pooled, ['batch', spec.hidden])
  headOutputs(graph.at('head'), spec, tokens, pooled, tied)
  if (sentence !== null) {
    const vectors = sentenceEmbedding(graph.at('sentence'), sentence, tokens, inputs.mask)
    graph.output('sentence_embedding', vectors, ['batch', sentenceWidth(sentence, spec.hidden)])
  }
  return graph.build('encoder')
}

function graphInputs(graph: GraphBuilder, { tokenTypes }: EncoderSpec): Inputs {
  const input = (name: string) => graph.input(name, ['batch', 'sequence'])
  const [ids, mask] = [input('input_ids'), input('attention_mask')]
  // Tokenizers of models with a single type make no types.
  return { ids, mask, types: tokenTypes > 1 ? input('token_type_ids') : null }
}

function hiddenState(graph: GraphBuilder, spec: EncoderSpec, inputs: Inputs): Value {
  const start = graph.at('embeddings')
  let hidden = embeddings(start, spec, inputs)
  if (spec.layers.length === 0) return hidden
  const mask = scoreMask(start, inputs.mask)
  const positions = positionBias(start, spec, inputs.ids)
  for (const [index, { heads }] of spec.layers.entries()) {
    const bias = { mask, position: heads.length === 0 ? null : positions(heads) }
    hidden = layer(graph.at(`layer.${index}`), spec, index, hidden, bias)
  }
  return hidden
}

function headOutputs(
  graph: GraphBuilder,
  spec: EncoderSpec,
  tokens: Value,
  pooled: Value | null,
  tied: boolean,
): void {
  const { head } = spec
  if (head === null) return
  const values = logits(graph, spec, head, { tokens, pooled }, tied)
  const rows = head.input === 'tokens' ? ['batch', 'sequence'] : ['batch']
  graph.output('logits', values, [...rows, head.labels])
  if (head.kind !== 'questionAnswering') return
  const { start, end } = answerLogits(graph, values)
  graph.output('start_logits', start, rows)
  graph.output('end_logits', end, rows)
}
