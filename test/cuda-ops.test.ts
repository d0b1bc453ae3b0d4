/**
 * Every verb of the backends' contract × every dtype × odd shapes on CUDA, against the reference loops.
 *
 * Numbers are multiples of 1/64, which every word holds, so that what is stored is what was asked for. What is allowed
 * follows from the word's ε and the sizes: float32 as in ops.test.ts, 16 bits a few roundings of what is summed. int8
 * and float8 come out as bfloat16, and are what a verb makes for a linear of theirs: one that multiplies by 1 shows
 * them. Cases are counted and logged; without a CUDA device the tests are skipped.
 */
import type { ExecutionContext } from 'ava'
import type { LinearDtype } from '../binding.js'
import { addon } from '../lib/addon.js'
import { activations } from '../lib/architecture/spec.js'
import { closeWithin, equalExactly } from './equal.js'
import { randomNumbers } from './random-numbers.js'
import { cudaTest } from './test-device.js'

const { ops } = addon()
const next = randomNumbers(29)

const tokenCounts = [0, 1, 49, 97]
const widths = [0, 1, 33, 100]
const batches = [[97], [], [1, 0, 5, 13, 1], [0, 49, 0, 2]]
const words = ['float32', 'float16', 'bfloat16'] as const
/** Half of the distance between neighbours at 1, as 8-bit linears give their results. */
const epsilons = {
  float32: 2 ** -24,
  float16: 2 ** -11,
  bfloat16: 2 ** -8,
  int8: 2 ** -8,
  float8: 2 ** -8,
} as const

const floats = (count: number) =>
  Float32Array.from({ length: count }, () => Math.round((next() - 0.5) * 128) / 64)
const indices = (count: number, below: number) =>
  Int32Array.from({ length: count }, () => Math.floor(next() * below))
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)
const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
const offsetsOf = (lengths: readonly number[]) =>
  Int32Array.from([0, ...lengths.map((_, i) => sum(lengths.slice(0, i + 1)))])

/** Compares one call on cuda with the same in the reference loops. */
function compare(
  t: ExecutionContext,
  call: (device: string) => Float32Array,
  allowed: number,
  what: string,
  dims: readonly number[],
): void {
  const reference = call('plain')
  closeWithin(t, call('cuda'), reference, allowed * (1 + largest(reference)), what, dims)
}

for (const format of Object.keys(epsilons) as LinearDtype[]) {
  cudaTest(`linear in ${format} gives activation(x Wᵀ + b) + residual on cuda`, (t) => {
    let count = 0
    let worst = 0
    for (const tokens of tokenCounts)
      for (const rows of widths)
        for (const columns of widths) {
          const activation = count % 3 === 0 ? null : activations[count % activations.length]!
          const residual = count % 2 === 0 ? null : floats(tokens * rows)
          const [weight, bias, input] = [floats(rows * columns), floats(rows), floats(tokens * columns)]
          const request = { weight, bias, rows, columns, input, tokens, activation, residual }
          // The product is rounded to the word, then what is added to it; sums of k terms are fp32.
          const sums = ops.linear('plain', { ...request, format, sparsity: 'off', activation: null })
          const allowed = 3 * epsilons[format] * (1 + largest(sums)) + 2 ** -21 * Math.sqrt(columns)
          const what = `linear ${tokens} × ${rows} × ${columns}, ${activation}, ${residual ? 'with' : 'no'} residual`
          const call = (device: string) => ops.linear(device, { ...request, format, sparsity: 'off' })
          const apart = closeWithin(t, call('cuda'), call('plain'), allowed, what, [tokens, rows])
          worst = Math.max(worst, apart / allowed)
          count++
        }
    t.log(`${count} cases, worst ${worst.toFixed(2)} of what is allowed`)
  })
}

for (const storage of words) {
  const epsilon = epsilons[storage]

  cudaTest(`layerNorm and embed in ${storage} normalise rows on cuda`, (t) => {
    let count = 0
    for (const tokens of tokenCounts)
      for (const width of widths) {
        const norm = { gain: floats(width), bias: floats(width), epsilon: 1e-5 }
        const allowed = 2 * epsilon + 2 ** -20 * Math.sqrt(width + 1)
        const rows = { storage, input: floats(tokens * width), tokens, width, ...norm }
        const dims = [tokens, width]
        compare(t, (device) => ops.layerNorm(device, rows), allowed, `layerNorm ${tokens} × ${width}`, dims)
        count++
        // A table of no columns says not how many rows it has.
        if (width === 0) continue
        const tables = {
          ...{ word: floats(11 * width), position: floats(97 * width), type: floats(2 * width) },
          ...{ ids: indices(tokens, 11), positions: indices(tokens, 97), types: indices(tokens, 2) },
        }
        const request = { storage, ...tables, width, ...norm, offsets: offsetsOf([tokens]) }
        compare(t, (device) => ops.embed(device, request), allowed, `embed ${tokens} × ${width}`, dims)
        count++
      }
    t.log(`${count} cases`)
  })

  cudaTest(`attention in ${storage} attends within each sequence on cuda`, (t) => {
    let count = 0
    for (const lengths of batches)
      for (const heads of [0, 3])
        for (const headSize of [1, 5, 32, 33, 64, 128]) {
          const tokens = sum(lengths)
          const qkv = floats(tokens * 3 * heads * headSize)
          const span = Math.max(1, ...lengths)
          const bias = count % 2 === 0 ? null : floats(heads * (2 * span - 1))
          const request = { storage, qkv, offsets: offsetsOf(lengths), heads, headSize, bias, span }
          const what = `attention over [${lengths}], ${heads} heads of ${headSize}${bias ? ', biased' : ''}`
          // Weights and the result are rounded to the word; scores stay fp32, and are as long as heads are wide.
          const allowed = 3 * epsilon + 2 ** -21 * headSize
          compare(t, (device) => ops.attention(device, request), allowed, what, [tokens, heads, headSize])
          count++
        }
    t.log(`${count} cases`)
  })

  cudaTest(`pool in ${storage} makes one row of each sequence on cuda`, (t) => {
    let count = 0
    for (const lengths of batches)
      for (const width of widths)
        for (const pooling of ['mean', 'meanSqrtLength', 'max', 'cls', 'lastToken', 'weightedMean']) {
          // A maximum over no tokens is infinite, and has no error to measure.
          const skip = pooling === 'max' ? 0 : count % 3
          const [offsets, normalize] = [offsetsOf(lengths), count % 2 === 0]
          const request = {
            storage,
            input: floats(sum(lengths) * width),
            offsets,
            width,
            pooling,
            normalize,
            skip,
          }
          const what = `${pooling} of [${lengths}] × ${width} after ${skip}${normalize ? ', normalised' : ''}`
          const allowed = 2 * epsilon + 2 ** -20
          compare(t, (device) => ops.pool(device, request), allowed, what, [lengths.length, width])
          count++
        }
    t.log(`${count} cases`)
  })

  cudaTest(`gather in ${storage} copies rows on cuda`, (t) => {
    let count = 0
    for (const tokens of tokenCounts)
      for (const width of widths)
        for (const wanted of tokens === 0 ? [0] : [1, 130]) {
          const request = {
            storage,
            ...{ input: floats(tokens * width), tokens, width, rows: indices(wanted, tokens) },
          }
          const what = `${wanted} of ${tokens} × ${width}`
          equalExactly(t, ops.gather('cuda', request), ops.gather('plain', request), what, [wanted, width])
          count++
        }
    t.log(`${count} cases`)
  })
}

/** Of the largest of a row: the steps of 255 levels over both signs, and of three bits of fraction. */
const steps = { int8: 2 / 255, float8: 2 ** -3 } as const

/** Multiplies by 1, which 8 bits hold exactly: its results are the levels that it was given. */
function unitReader(width: number, format: LinearDtype) {
  const weight = new Float32Array(width * width)
  for (let i = 0; i < width; i++) weight[i * width + i] = 1
  return { weight, bias: new Float32Array(width), rows: width, columns: width, format }
}

/**
 * Compares levels of 8 bits. A number that lies between two may come out as either, so none is further off than one
 * step; where a verb computes in fp32, such numbers are few.
 */
class Levels {
  #count = 0
  #numbers = 0
  #apart = 0

  constructor(
    readonly t: ExecutionContext,
    readonly format: keyof typeof steps,
    /** Of all numbers. */
    readonly few: number,
  ) {}

  compare(call: (device: string) => Float32Array, what: string, dims: readonly number[]): void {
    const [reference, actual] = [call('plain'), call('cuda')]
    const most = largest(reference)
    closeWithin(this.t, actual, reference, (steps[this.format] + 2 ** -7) * most, what, dims)
    this.#numbers += reference.length
    for (const [i, x] of reference.entries())
      if (Math.abs(actual[i]! - x) > 2 ** -7 * Math.abs(x) + 2 ** -20 * most) this.#apart++
    this.#count++
  }

  close(): void {
    this.t.true(this.#apart <= this.few * this.#numbers, `${this.#apart} of ${this.#numbers} are a step off`)
    this.t.log(`${this.#count} cases, ${this.#apart} of ${this.#numbers} numbers a step off`)
  }
}

for (const format of ['int8', 'float8'] as const) {
  cudaTest(`layerNorm, embed and gather store ${format} for the linear that reads them on cuda`, (t) => {
    const levels = new Levels(t, format, 0.01)
    for (const tokens of tokenCounts)
      for (const width of widths) {
        const reader = unitReader(width, format)
        const norm = { gain: floats(width), bias: floats(width), epsilon: 1e-5 }
        const rows = { reader, input: floats(tokens * width), tokens, width }
        const dims = [tokens, width]
        const size = `${tokens} × ${width}`
        levels.compare((device) => ops.layerNorm(device, { ...rows, ...norm }), `layerNorm ${size}`, dims)
        const wanted = { ...rows, rows: indices(tokens === 0 ? 0 : 130, tokens) }
        levels.compare((device) => ops.gather(device, wanted), `gather of ${size}`, [130, width])
        if (width === 0) continue
        const tables = {
          ...{ word: floats(11 * width), position: floats(97 * width), type: floats(2 * width) },
          ...{ ids: indices(tokens, 11), positions: indices(tokens, 97), types: indices(tokens, 2) },
        }
        const request = { reader, ...tables, width, ...norm, offsets: offsetsOf([tokens]) }
        levels.compare((device) => ops.embed(device, request), `embed ${size}`, dims)
      }
    levels.close()
  })

  cudaTest(`pool stores ${format} for the linear that reads it on cuda`, (t) => {
    const levels = new Levels(t, format, 0.01)
    for (const lengths of batches)
      for (const width of widths)
        for (const pooling of ['mean', 'meanSqrtLength', 'max', 'cls', 'lastToken']) {
          const [offsets, input] = [offsetsOf(lengths), floats(sum(lengths) * width)]
          const request = { ...{ reader: unitReader(width, format), input, offsets, width }, pooling }
          const what = `${pooling} of [${lengths}] × ${width}`
          const call = (device: string) => ops.pool(device, { ...request, normalize: width === 33, skip: 0 })
          levels.compare(call, what, [lengths.length, width])
        }
    levels.close()
  })

  cudaTest(`attention stores ${format} for the linear that reads it on cuda`, (t) => {
    // Weights are rounded to bfloat16 before they are summed: about as much as a step of int8.
    const levels = new Levels(t, format, 0.3)
    for (const lengths of batches)
      for (const heads of [0, 3])
        for (const headSize of [1, 5, 32, 33, 64, 128]) {
          const tokens = sum(lengths)
          const request = {
            ...{ reader: unitReader(heads * headSize, format), qkv: floats(tokens * 3 * heads * headSize) },
            ...{ offsets: offsetsOf(lengths), heads, headSize, bias: null, span: 1 },
          }
          const what = `attention over [${lengths}], ${heads} heads of ${headSize}`
          levels.compare((device) => ops.attention(device, request), what, [tokens, heads, headSize])
        }
    levels.close()
  })

  cudaTest(`linear in ${format} stores ${format} for the linear that reads it on cuda`, (t) => {
    const levels = new Levels(t, format, 0.01)
    let count = 0
    for (const tokens of tokenCounts)
      for (const rows of widths)
        for (const columns of widths) {
          const activation = count++ % 3 === 0 ? null : activations[count % activations.length]!
          const request = {
            ...{ weight: floats(rows * columns), bias: floats(rows), rows, columns, activation, format },
            ...{ input: floats(tokens * columns), tokens, residual: null, reader: unitReader(rows, format) },
          }
          const what = `linear ${tokens} × ${rows} × ${columns}, ${activation}`
          const call = (device: string) => ops.linear(device, { ...request, sparsity: 'off' })
          levels.compare(call, what, [tokens, rows])
        }
    levels.close()
  })
}
