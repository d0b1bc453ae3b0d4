import type { Activation, Slot } from '../architecture/spec.js'
import type { GraphBuilder, Value } from './graph-builder.js'

/**
 * y = x·W + b over the last dimension. The initializer is [into, out], the form in which runtimes fuse and quantise a
 * MatMul. Where nothing goes in (no heads or neurons are left) y is b.
 */
export function linear(graph: GraphBuilder, slot: Slot, input: Value, into: number, out: number): Value {
  const bias = graph.weight(`${slot}.bias`, [out])
  if (into === 0) return bias
  const weight = graph.weight(`${slot}.weight`, [into, out], true)
  return graph.node('Add', [graph.node('MatMul', [input, weight]), bias])
}

export function layerNorm(
  graph: GraphBuilder,
  slot: Slot,
  input: Value,
  width: number,
  epsilon: number,
): Value {
  const gain = graph.weight(`${slot}.weight`, [width])
  const bias = graph.weight(`${slot}.bias`, [width])
  return graph.node('LayerNormalization', [input, gain, bias], { axis: -1, epsilon: { float: epsilon } })
}

/** In the order of nodes that runtimes know how to fuse; opset 17 has no Gelu of its own. */
export function activate(graph: GraphBuilder, activation: Activation, x: Value): Value {
  const times = (a: Value, b: Value | number) => binary(graph, 'Mul', a, b)
  switch (activation) {
    case 'gelu': {
      const erf = graph.node('Erf', [binary(graph, 'Div', x, Math.SQRT2)])
      return times(times(x, binary(graph, 'Add', erf, 1)), 0.5)
    }
    case 'geluTanh': {
      const cubic = binary(graph, 'Add', times(times(x, 0.044715), x), 1)
      const inner = times(times(x, Math.sqrt(2 / Math.PI)), cubic)
      return times(times(x, 0.5), binary(graph, 'Add', graph.node('Tanh', [inner]), 1))
    }
    case 'relu':
      return graph.node('Relu', [x])
    case 'silu':
      return times(x, graph.node('Sigmoid', [x]))
    case 'quickGelu':
      return times(x, graph.node('Sigmoid', [times(x, 1.702)]))
    case 'tanh':
      return graph.node('Tanh', [x])
  }
}

function binary(graph: GraphBuilder, operator: string, a: Value, b: Value | number): Value {
  return graph.node(operator, [a, typeof b === 'number' ? graph.scalar(b) : b])
}
