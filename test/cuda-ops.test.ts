/**
 * Every verb of the backends' contract × every dtype × odd shapes on CUDA, against the reference loops.
 *
 * Numbers are multiples of 1/64, which every word holds, so that what is stored is what was asked for. What is allowed
 * follows from the word's ε and the sizes: float32 as in ops.test.ts, 16 bits a few roundings of what is summed. int8
 * and float8 come out as bfloat16. Cases are counted and logged; without a CUDA device the tests are skipped.
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
        for (const pooling of ['mean', 'meanSqrtLength', 'max', 'cls', 'lastToken']) {
          const [offsets, normalize] = [offsetsOf(lengths), count % 2 === 0]
          const request = { storage, input: floats(sum(lengths) * width), offsets, width, pooling, normalize }
          const what = `${pooling} of [${lengths}] × ${width}${normalize ? ', normalised' : ''}`
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
