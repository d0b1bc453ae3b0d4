import type { PoolingMode } from '../sentence-config.js'
import type { GraphBuilder, Value } from './graph-builder.js'
import { firstTokens } from './heads.js'
import { lowest, tokenColumn } from './mask.js'
import { TensorProto_DataType as DataType } from './onnx_pb.js'

export type Sentence = {
  /** Several stand side by side. */
  readonly poolings: readonly PoolingMode[]
  readonly normalize: boolean
  /** Numbers of a vector that are kept after all, at most. */
  readonly dimensions: number
}

/** Numbers of a sentence's vector. */
export function sentenceWidth({ poolings, dimensions }: Sentence, hidden: number): number {
  return Math.min(poolings.length * hidden, dimensions)
}

/**
 * One vector for each sequence [batch, sentenceWidth], of its tokens that are not masked.
 * @param tokens [batch, sequence, hidden]
 * @param mask int64 [batch, sequence]
 */
export function sentenceEmbedding(
  graph: GraphBuilder,
  sentence: Sentence,
  tokens: Value,
  mask: Value,
): Value {
  const { poolings, normalize, dimensions } = sentence
  const parts = poolings.map((pooling) => pool(graph, pooling, tokens, mask))
  const joined = parts.length === 1 ? parts[0]! : graph.node('Concat', parts, { axis: 1 })
  const vector = normalize ? ofLength1(graph, joined) : joined
  if (!Number.isFinite(dimensions)) return vector
  return graph.node('Slice', [vector, graph.whole([0]), graph.whole([dimensions]), graph.whole([1])])
}

function ofLength1(graph: GraphBuilder, vector: Value): Value {
  const length = graph.node('ReduceL2', [vector], { axes: [-1], keepdims: 1 })
  return graph.node('Div', [vector, graph.node('Max', [length, graph.scalar(1e-12)])])
}

function pool(graph: GraphBuilder, pooling: PoolingMode, tokens: Value, mask: Value): Value {
  switch (pooling) {
    case 'cls':
      return firstTokens(graph, tokens)
    case 'lastToken':
      return lastTokens(graph, tokens, mask)
    case 'max':
      return largest(graph, tokens, mask)
    case 'mean':
    case 'meanSqrtLength':
      return mean(graph, pooling, tokens, tokenColumn(graph, mask, DataType.FLOAT))
    case 'weightedMean':
      return mean(graph, 'mean', tokens, placeColumn(graph, mask))
  }
}

/** Each token's place from 1, and 0 where it is masked [batch, sequence, 1]. */
function placeColumn(graph: GraphBuilder, mask: Value): Value {
  const kept = tokenColumn(graph, mask, DataType.FLOAT)
  return graph.node('Mul', [kept, graph.node('CumSum', [kept, graph.whole(1)])])
}

/** @param kept the weight of each token [batch, sequence, 1] */
function mean(graph: GraphBuilder, pooling: 'mean' | 'meanSqrtLength', tokens: Value, kept: Value): Value {
  const over = graph.whole([1])
  const sum = graph.node('ReduceSum', [graph.node('Mul', [tokens, kept]), over], { keepdims: 0 })
  const count = graph.node('ReduceSum', [kept, over], { keepdims: 0 })
  const least = graph.node('Max', [count, graph.scalar(1e-9)])
  return graph.node('Div', [sum, pooling === 'mean' ? least : graph.node('Sqrt', [least])])
}

function largest(graph: GraphBuilder, tokens: Value, mask: Value): Value {
  const masked = graph.node('Where', [tokenColumn(graph, mask, DataType.BOOL), tokens, graph.scalar(lowest)])
  return graph.node('ReduceMax', [masked], { axes: [1], keepdims: 0 })
}

function lastTokens(graph: GraphBuilder, tokens: Value, mask: Value): Value {
  const kept = graph.node('Cast', [mask], { to: DataType.FLOAT })
  const last = graph.node('ArgMax', [kept], { axis: 1, keepdims: 1, select_last_index: 1 })
  return graph.node('GatherND', [tokens, last], { batch_dims: 1 })
}
