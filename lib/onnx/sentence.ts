import type { PoolingMode } from '../sentence-config.js'
import type { GraphBuilder, Value } from './graph-builder.js'
import { firstTokens } from './heads.js'
import { lowest, tokenColumn } from './mask.js'
import { TensorProto_DataType as DataType } from './onnx_pb.js'

export type Sentence = { readonly pooling: PoolingMode; readonly normalize: boolean }

/**
 * One vector for each sequence [batch, hidden], of its tokens that are not masked.
 * @param tokens [batch, sequence, hidden]
 * @param mask int64 [batch, sequence]
 */
export function sentenceEmbedding(
  graph: GraphBuilder,
  sentence: Sentence,
  tokens: Value,
  mask: Value,
): Value {
  const vector = pool(graph, sentence.pooling, tokens, mask)
  if (!sentence.normalize) return vector
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
      return mean(graph, pooling, tokens, mask)
  }
}

function mean(graph: GraphBuilder, pooling: 'mean' | 'meanSqrtLength', tokens: Value, mask: Value): Value {
  const kept = tokenColumn(graph, mask, DataType.FLOAT)
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
