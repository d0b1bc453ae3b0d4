import { cudaState } from 'twofour'
import type { Ops } from '../../../binding.js'
import { addon } from '../../../lib/addon.js'
import { activations } from '../../../lib/architecture/spec.js'
import { findLibraries } from '../../../lib/cuda/state.js'
import { randomNumbers } from '../../../test/random-numbers.js'
import { apart, Tally } from '../compare.js'
import type { Row, StepSettings } from '../results.js'
import type { Dtype, Scale } from '../scale.js'

const next = randomNumbers(24)
const floats = (count: number) => Float32Array.from({ length: count }, () => (next() - 0.5) * 2)

/** Relative to the product of the longest input row and the longest weight row, which bounds every sum. */
const steps: Readonly<Record<Dtype, number>> = {
  float32: 2 ** -18,
  float16: 2 ** -9,
  bfloat16: 2 ** -6,
  int8: 2 ** -6,
  float8: 2 ** -5,
}

type Case = {
  readonly verb: string
  readonly dtype: Dtype
  readonly what: string
  readonly allowed: (largest: number) => number
  readonly call: (device: string) => Float32Array
}

/**
 * Every verb × dtype over odd shapes, against the reference loops on the CPU; wrong cases are rows of their own. What
 * there was no time for is a row too.
 */
export async function parity({ scale, seconds }: StepSettings, emit: (row: Row) => void): Promise<void> {
  const end = performance.now() + seconds * 1000
  const { ops } = addon()
  const libraries = findLibraries(cudaState().emulated)
  const tally = new Tally()
  const counted = new Map<string, { cases: number; wrong: number; ofAllowed: number }>()
  let leftOut = 0
  for (const each of cases(ops, libraries, scale)) {
    if (performance.now() > end) {
      leftOut++
      continue
    }
    const { verb, dtype, what } = each
    const { difference, largest } = apart(each.call('cuda'), each.call('plain'))
    const share = difference / each.allowed(largest)
    const key = `${verb} ${dtype}`
    const known = counted.get(key) ?? { cases: 0, wrong: 0, ofAllowed: 0 }
    const right = tally.add(share <= 1)
    if (!right) emit({ verb, dtype, what, difference, allowed: each.allowed(largest), right })
    counted.set(key, {
      cases: known.cases + 1,
      wrong: known.wrong + (right ? 0 : 1),
      ofAllowed: Math.max(known.ofAllowed, share),
    })
  }
  for (const [key, counts] of counted) {
    const [verb, dtype] = key.split(' ')
    emit({ verb, dtype, ...counts })
  }
  if (leftOut > 0) emit({ leftOut })
  tally.close()
}

function* cases(ops: Ops, libraries: object, scale: Scale): Generator<Case> {
  const shapes: [tokens: number, rows: number, columns: number][] = [
    [13, 33, 40],
    [1, 1, 1],
    [64, 64, 64],
    [100, 128, 72],
    [65, 96, 100],
    ...(scale === 'full'
      ? (
          [
            [1000, 768, 768],
            [300, 300, 1031],
            [777, 3072, 768],
          ] as const
        ).map(mutable)
      : []),
  ]
  let turn = 0
  for (const [tokens, rows, columns] of shapes)
    for (const dtype of Object.keys(steps) as Dtype[])
      for (const sparsity of ['off', 'require'] as const) {
        if (dtype === 'float32' && sparsity === 'require') continue
        const activation = turn++ % 2 === 0 ? null : activations[turn % activations.length]!
        const residual = turn % 3 === 0 ? floats(tokens * rows) : null
        const weight = floats(rows * columns)
        if (sparsity === 'require') keepTwoOfFour(weight, columns)
        const request = { weight, bias: floats(rows), rows, columns, input: floats(tokens * columns), tokens }
        const bound = longest(request.input, columns) * longest(weight, columns)
        const what = `${tokens} × ${rows} × ${columns}, ${sparsity === 'off' ? 'dense' : '2:4'}, ${activation ?? 'no activation'}${residual ? ', residual' : ''}`
        yield {
          verb: 'linear',
          dtype,
          what,
          allowed: (largest) => steps[dtype] * (bound + largest + 2),
          call: (device) =>
            ops.linear(device, {
              ...{ ...request, activation, residual, format: dtype, libraries },
              // The reference multiplies the zeros.
              sparsity: device === 'plain' ? 'off' : sparsity,
            }),
        }
      }
  yield* otherVerbs(ops, libraries, scale)
}

/** Of 1 + the largest result: inputs are rounded to 16 bits, or the output to 8. */
const roundings: Readonly<Record<Dtype, number>> = {
  float32: 2e-5,
  float16: 2 ** -8,
  bfloat16: 2 ** -5,
  int8: 2 ** -5,
  float8: 2 ** -2,
}

/** Stored as beside linears of each dtype; 8 bits are what a verb makes for a linear of theirs, here one by 1. */
function* otherVerbs(ops: Ops, libraries: object, scale: Scale): Generator<Case> {
  for (const dtype of Object.keys(roundings) as Dtype[]) {
    const stored = (width: number): object =>
      dtype === 'int8' || dtype === 'float8'
        ? { libraries, reader: unitReader(width, dtype) }
        : { libraries, storage: dtype }
    yield* verbsOf(ops, dtype, stored, scale)
  }
}

function* verbsOf(ops: Ops, dtype: Dtype, stored: (width: number) => object, scale: Scale): Generator<Case> {
  const make = (verb: string, what: string, call: (device: string) => Float32Array): Case => ({
    ...{ verb, dtype, what, call },
    allowed: (largest) => roundings[dtype] * (1 + largest),
  })
  const offsets = Int32Array.from([0, 1, 1, 14, 31, 97])
  for (const width of scale === 'emulated' ? [1, 33, 100] : [1, 33, 100, 768]) {
    const input = floats(97 * width)
    const norm = { gain: floats(width), bias: floats(width), epsilon: 1e-5 }
    const request = { input, tokens: 97, width, ...stored(width) }
    yield make('layerNorm', `97 × ${width}`, (device) => ops.layerNorm(device, { ...request, ...norm }))
    const rows = Int32Array.from([96, 0, 5, 5])
    yield make('gather', `4 of 97 × ${width}`, (device) => ops.gather(device, { ...request, rows }))
    for (const pooling of ['mean', 'cls', 'max', 'meanSqrtLength', 'lastToken', 'weightedMean']) {
      // The maximum over no tokens is infinite, and one sequence has a single token.
      const skip = pooling === 'max' ? 0 : 1
      yield make('pool', `${pooling} × ${width}`, (device) =>
        ops.pool(device, { ...request, offsets, pooling, normalize: width > 1, skip }),
      )
    }
    const tables = { word: floats(50 * width), position: floats(97 * width), type: floats(2 * width), width }
    const ids = Int32Array.from({ length: 97 }, (_, i) => (i * 7) % 50)
    const positions = Int32Array.from({ length: 97 }, (_, i) => i)
    const types = Int32Array.from({ length: 97 }, (_, i) => i % 2)
    yield make('embed', `97 × ${width}`, (device) =>
      ops.embed(device, { ...tables, ...stored(width), ids, positions, types, offsets, ...norm }),
    )
  }
  const heads = 3
  for (const headSize of scale === 'emulated' ? [8, 33] : [1, 8, 33, 64, 100, 128])
    for (const withBias of [false, true]) {
      const span = 97
      const bias = withBias ? floats(heads * (2 * span - 1)) : null
      const qkv = floats(97 * 3 * heads * headSize)
      const request = { qkv, offsets, heads, headSize, bias, span, ...stored(heads * headSize) }
      const what = `heads of ${headSize}${withBias ? ', position bias' : ''}`
      yield make('attention', what, (device) => ops.attention(device, request))
    }
}

function unitReader(width: number, format: Dtype) {
  const weight = new Float32Array(width * width)
  for (let i = 0; i < width; i++) weight[i * width + i] = 1
  return { weight, bias: new Float32Array(width), rows: width, columns: width, format }
}

function mutable(shape: readonly [number, number, number]): [number, number, number] {
  return [...shape]
}

/** Groups of four count from the beginning of a row. */
function keepTwoOfFour(weight: Float32Array, columns: number): void {
  for (let i = 0; i < weight.length; i++) if ((i % columns) % 4 >= 2) weight[i] = 0
}

function longest(values: Float32Array, width: number): number {
  let most = 0
  for (let begin = 0; begin < values.length; begin += width) {
    let sum = 0
    for (let i = begin; i < begin + width; i++) sum += values[i]! ** 2
    most = Math.max(most, sum)
  }
  return Math.sqrt(most)
}
