import type { EncoderSpec, Slot } from '../lib/architecture/spec.js'
import type { Checkpoint } from '../lib/checkpoint/checkpoint.js'
import { storedWeights } from './pruned-weights.js'

/** [tokens][width], in doubles. */
export type Rows = readonly (readonly number[])[]

/** Inputs of a layer's linears, what these make of them (without residuals), and what follows. */
export type LayerTrace = {
  readonly attention: Rows
  readonly attentionOutput: Rows
  readonly ffnIn: Rows
  readonly ffnOut: Rows
  /** W x + b of each, query, key and value side by side. */
  readonly outputs: {
    readonly attention: Rows
    readonly attentionOutput: Rows
    readonly ffnIn: Rows
    readonly ffnOut: Rows
  }
  readonly hidden: Rows
}

const dot = (a: readonly number[], b: ArrayLike<number>, at: number) =>
  a.reduce((sum, x, i) => sum + x * b[at + i]!, 0)
const added = (a: Rows, b: Rows): Rows => a.map((row, i) => row.map((x, j) => x + b[i]![j]!))

export function rowsOf(values: ArrayLike<number>, width: number): Rows {
  const all = Array.from(values)
  return Array.from({ length: all.length / width }, (_, i) => all.slice(i * width, (i + 1) * width))
}

/** A layer of a BERT-like model with ReLU in plain formulas and doubles, by the stored weights. */
export async function traceLayer(
  checkpoint: Checkpoint,
  index: number,
  offsets: ArrayLike<number>,
  input: Rows,
): Promise<LayerTrace> {
  const { spec } = checkpoint
  const { weights, heads } = spec.layers[index]!
  const read = (name: string) => storedWeights(checkpoint, `layers.${weights}.${name}` as Slot)
  const linear = async (name: string, x: Rows): Promise<Rows> => {
    const [weight, bias] = [await read(`${name}.weight`), await read(`${name}.bias`)]
    return x.map((row) => Array.from(bias, (b, i) => b + dot(row, weight, i * row.length)))
  }
  const norm = async (name: string, x: Rows): Promise<Rows> => {
    const [gain, bias] = [await read(`${name}.weight`), await read(`${name}.bias`)]
    return x.map((row) => normalised(row, gain, bias, spec.epsilon))
  }

  const parts = await Promise.all(['query', 'key', 'value'].map((name) => linear(name, input)))
  const qkv = input.map((_, token) => parts.flatMap((part) => part[token]!))
  const context = attend(qkv, offsets, heads.length, spec.headSize)
  const attended = await linear('attentionOutput', context)
  const middle = await norm('attentionNorm', added(attended, input))
  const before = await linear('ffnIn', middle)
  const inner = before.map((row) => row.map((x) => Math.max(x, 0)))
  const expanded = await linear('ffnOut', inner)
  return {
    attention: input,
    attentionOutput: context,
    ffnIn: middle,
    ffnOut: inner,
    outputs: { attention: qkv, attentionOutput: attended, ffnIn: before, ffnOut: expanded },
    hidden: await norm('outputNorm', added(expanded, middle)),
  }
}

function normalised(
  row: readonly number[],
  gain: ArrayLike<number>,
  bias: ArrayLike<number>,
  epsilon: EncoderSpec['epsilon'],
): number[] {
  const mean = row.reduce((a, b) => a + b, 0) / row.length
  const deviation = Math.sqrt(row.reduce((a, b) => a + (b - mean) ** 2, 0) / row.length + epsilon)
  return row.map((x, i) => ((x - mean) / deviation) * gain[i]! + bias[i]!)
}

function attend(qkv: Rows, offsets: ArrayLike<number>, heads: number, size: number): Rows {
  const model = heads * size
  return qkv.map((row, token) => {
    const sequence = Array.from(offsets).findLastIndex((begin) => begin <= token)
    const keys = qkv.slice(offsets[sequence], offsets[sequence + 1])
    return Array.from({ length: heads }, (_, head) => {
      const query = row.slice(head * size, (head + 1) * size)
      const weights = keys.map((key) => Math.exp(dot(query, key, model + head * size) / Math.sqrt(size)))
      const total = weights.reduce((a, b) => a + b, 0)
      return Array.from({ length: size }, (_, i) =>
        keys.reduce((sum, key, k) => sum + (weights[k]! / total) * key[2 * model + head * size + i]!, 0),
      )
    }).flat()
  })
}

/** Σ over tokens of aᵀ b, [a's width, b's width]. */
export function productsOf(a: Rows, b: Rows): Float64Array {
  const [height, width] = [a[0]?.length ?? 0, b[0]?.length ?? 0]
  const sums = new Float64Array(height * width)
  for (const [token, row] of a.entries())
    for (let i = 0; i < height; i++)
      for (let j = 0; j < width; j++) sums[i * width + j]! += row[i]! * b[token]![j]!
  return sums
}

export function sumsOf(rows: Rows): Float64Array {
  return productsOf(
    rows.map(() => [1]),
    rows,
  )
}
