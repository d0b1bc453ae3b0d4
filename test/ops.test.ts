/**
 * Every verb of the backends' contract (linear, layerNorm, attention, pool, gather, embed) × every device of this
 * build × odd shapes: the CPU under each instruction set that this machine has, and int8 storage where it makes a
 * difference, against the reference loops, which compute in double; pool and gather against formulas of their own.
 *
 * Shapes lie around the edges of the kernels: tiles of 4, 6 and 12 tokens, blocks of 48, panels of 8, 16 and 32
 * columns, and nothing at all; sequences are ragged, some empty. What is allowed follows from the sizes: a sum of k
 * products may be off by c · ε · √k · ‖x‖ · ‖w‖ with c = 4 and fp32's ε, and the polynomials for exp and erf by 3e-7
 * of their result. Cases are counted and logged. A device that is not compared here fails the first test.
 */
import test, { type ExecutionContext } from 'ava'
import type { LinearDtype, Ops, Sparsity } from '../binding.js'
import { addon } from '../lib/addon.js'
import { activations } from '../lib/architecture/spec.js'
import { closeWithin, equalExactly } from './equal.js'
import { isasHere, withIsa } from './isas.js'
import { randomNumbers } from './random-numbers.js'

const { ops } = addon()
const devices = ['cpu', 'plain']
const epsilon = 2 ** -23
const next = randomNumbers(24)

const tokenCounts = [0, 1, 2, 5, 13, 48, 49, 97]
const widths = [0, 1, 3, 16, 31, 33, 64, 100]
const batches = [...tokenCounts.map((tokens) => [tokens]), [], [1, 0, 5, 13, 1], [0, 49, 0, 2], [1, 1, 1]]

const float32 = { format: 'float32', sparsity: 'off' } as const
const floats = (count: number) => Float32Array.from({ length: count }, () => (next() - 0.5) * 2)
const indices = (count: number, below: number) =>
  Int32Array.from({ length: count }, () => Math.floor(next() * below))
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)
const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
const offsetsOf = (lengths: readonly number[]) =>
  Int32Array.from([0, ...lengths.map((_, i) => sum(lengths.slice(0, i + 1)))])

/** Rows of `width`, each reduced to a number; the largest and the smallest of them. */
function overRows(values: Float32Array, width: number, reduce: (row: Float32Array) => number) {
  const rows = width === 0 ? [] : Array.from({ length: values.length / width }, (_, i) => i * width)
  const reduced = rows.map((begin) => reduce(values.subarray(begin, begin + width)))
  return { most: Math.max(0, ...reduced), least: Math.min(...reduced) }
}
const norm = (row: Float32Array) => Math.sqrt(row.reduce((total, x) => total + x * x, 0))
const absolute = (row: Float32Array) => row.reduce((total, x) => total + Math.abs(x), 0)
function deviation(row: Float32Array): number {
  const count = Math.max(row.length, 1)
  const mean = row.reduce((total, x) => total + x, 0) / count
  return Math.sqrt(row.reduce((total, x) => total + (x - mean) ** 2, 0) / count)
}

/** Compares a CPU result under every instruction set. @returns how many comparisons that was */
async function onEachIsa(
  t: ExecutionContext,
  call: (device: string) => Float32Array,
  reference: Float32Array,
  allowed: number,
  what: string,
  dims: readonly number[],
): Promise<number> {
  for (const isa of isasHere())
    closeWithin(t, await withIsa(isa, () => call('cpu')), reference, allowed, `${isa}: ${what}`, dims)
  return isasHere().length
}

test.serial('every device of this build is compared here', (t) => {
  // cuda is compared in cuda-ops.test.ts.
  t.deepEqual(
    ops.devices().filter((name) => name !== 'cuda'),
    devices,
  )
  t.is(isasHere().at(-1), 'portable')
})

test.serial('linear gives activation(x Wᵀ + b) + residual', async (t) => {
  let count = 0
  let turn = 0
  for (const tokens of tokenCounts)
    for (const rows of widths)
      for (const columns of widths) {
        const [weight, bias, input] = [floats(rows * columns), floats(rows), floats(tokens * columns)]
        const products = overRows(input, columns, norm).most * overRows(weight, columns, norm).most
        const allowed = 4 * epsilon * (Math.sqrt(columns) * products + 2) + 3e-7 * (products + 1)
        for (const activation of [null, activations[turn++ % activations.length]!])
          for (const residual of [null, floats(tokens * rows)]) {
            const request = { ...float32, weight, bias, rows, columns, input, tokens, activation, residual }
            const call = (device: string) => ops.linear(device, request)
            const what = `linear ${tokens} × ${rows} × ${columns}, ${activation}, ${residual ? 'with' : 'no'} residual`
            count += await onEachIsa(t, call, call('plain'), allowed, what, [tokens, rows])
          }
      }
  t.log(`${count} cases`)
})

test.serial('linear without its zeros gives what it gives with them', async (t) => {
  let count = 0
  let turn = 0
  for (const tokens of [...tokenCounts, 16, 31, 64, 65, 200])
    for (const rows of widths)
      for (const columns of [...widths, 300])
        for (const kept of [0, 0.1, 0.5]) {
          const weight = floats(rows * columns).map((w) => (next() < kept ? w : 0))
          const [bias, input] = [floats(rows), floats(tokens * columns)]
          const products = overRows(input, columns, norm).most * overRows(weight, columns, norm).most
          const allowed = 4 * epsilon * (Math.sqrt(columns) * products + 2) + 3e-7 * (products + 1)
          const activation = activations[turn++ % activations.length]!
          const residual = turn % 3 === 0 ? null : floats(tokens * rows)
          const request = { weight, bias, rows, columns, input, tokens, activation, residual }
          const dense = ops.linear('plain', { ...request, ...float32 })
          const call = (device: string) =>
            ops.linear(device, { ...request, format: 'float32', sparsity: 'require' })
          const what = `sparse ${tokens} × ${rows} × ${columns}, ${kept} kept, ${activation}`
          count += await onEachIsa(t, call, dense, allowed, what, [tokens, rows])
        }
  t.log(`${count} cases`)
})

const steps = { bfloat16: 2 ** -8, int8: 1 / 127, float8: 2 ** -3 }

for (const format of ['bfloat16', 'int8', 'float8'] as const) {
  test.serial(`linear in ${format} is the reference's rounding, and near float32`, async (t) => {
    let count = 0
    for (const tokens of tokenCounts)
      for (const rows of widths)
        for (const columns of widths) {
          const [weight, bias, input] = [floats(rows * columns), floats(rows), floats(tokens * columns)]
          const request = { weight, bias, rows, columns, input, tokens, activation: null, residual: null }
          const call = (device: string) => ops.linear(device, { ...request, format, sparsity: 'off' })
          const reference = call('plain')
          const [x, w] = [overRows(input, columns, absolute).most, overRows(weight, columns, absolute).most]
          // Sums in fp32, and now and then an input on the other side of a tie: one step of one input.
          const tie = format === 'int8' ? (2.1 * largest(weight)) / 255 : 0
          const allowed = 4 * epsilon * (Math.sqrt(columns) * Math.min(x, w) + 2) + tie * largest(input)
          const what = `${format} ${tokens} × ${rows} × ${columns}`
          count += await onEachIsa(t, call, reference, allowed, what, [tokens, rows])
          const exact = ops.linear('plain', { ...request, ...float32 })
          const near = 1.01 * steps[format] * (x + w + 1)
          closeWithin(t, reference, exact, near, `${what} beside float32`, [tokens, rows])
        }
    t.log(`${count} cases`)
  })
}

test.serial('weights that are zero, and inputs that are zero, are exact in every format', async (t) => {
  const [tokens, rows, columns] = [13, 33, 40]
  const weight = floats(rows * columns).map((w, i) => (i % 4 < 2 ? 0 : w * 100))
  const input = floats(tokens * columns).map((x, i) => (i % 4 < 2 ? x - 3 : 0))
  const bias = floats(rows)
  const request = { weight, bias, rows, columns, input, tokens, activation: null, residual: null }
  const expected = Array.from({ length: tokens }, () => [...bias]).flat()
  for (const isa of isasHere())
    for (const format of ['float32', 'bfloat16', 'int8', 'float8'] as const) {
      const actual = await withIsa(isa, () => ops.linear('cpu', { ...request, format, sparsity: 'off' }))
      equalExactly(t, actual, expected, `${isa}: ${format}`, [tokens, rows])
    }
})

/** x as the nearest float16, ties to even: by hand. */
const halves: [x: number, rounded: number][] = [
  [1 + 2 ** -11, 1],
  [1 + 2 ** -11 + 2 ** -20, 1 + 2 ** -10],
  [1 + 3 * 2 ** -11, 1 + 2 ** -9],
  [65519, 65504],
  [65520, Number.POSITIVE_INFINITY],
  [-1e9, Number.NEGATIVE_INFINITY],
  [2 ** -14, 2 ** -14],
  [2 ** -24, 2 ** -24],
  [2 ** -25, 0],
  [3 * 2 ** -25, 2 ** -23],
  [-(2 ** -14) - 2 ** -25, -(2 ** -14)],
  [0, 0],
  [Number.NaN, Number.NaN],
]

test.serial('float16 rounds inputs and weights to the nearest half; the CPU has it not', (t) => {
  const one = { rows: 1, columns: 1, tokens: 1, bias: new Float32Array(1), activation: null, residual: null }
  const format = { format: 'float16', sparsity: 'off' } as const
  const values = (x: number) => Float32Array.of(x)
  for (const [x, rounded] of halves) {
    t.is(ops.linear('plain', { ...one, ...format, weight: values(x), input: values(1) })[0], rounded + 0)
    t.is(ops.linear('plain', { ...one, ...format, weight: values(1), input: values(x) })[0], rounded + 0)
  }
  t.throws(() => ops.linear('cpu', { ...one, ...format, weight: values(1), input: values(1) }), {
    code: 'DTYPE_UNAVAILABLE',
  })
})

test.serial('int8 sums never saturate, and NaN and infinity come out as NaN', async (t) => {
  const [tokens, rows, columns] = [2, 17, 4096]
  const ones = { weight: new Float32Array(rows * columns).fill(-1), bias: new Float32Array(rows) }
  for (const isa of isasHere())
    for (const bad of [1, Number.NaN, Number.POSITIVE_INFINITY]) {
      const input = new Float32Array(tokens * columns).fill(1)
      input[3] = bad
      const request = { ...ones, rows, columns, tokens, input, activation: null, residual: null }
      const actual = await withIsa(isa, () =>
        ops.linear('cpu', { ...request, format: 'int8', sparsity: 'off' }),
      )
      const first = bad === 1 ? -columns : Number.NaN
      t.true(actual.subarray(0, rows).every((y) => Object.is(y, first) || Math.abs(y - first) < 0.1))
      t.true(
        actual.subarray(rows).every((y) => Math.abs(y + columns) < 0.1),
        `${isa}: the other token`,
      )
    }
})

test.serial('a row of linear is the same, bit for bit, whatever stands beside it', async (t) => {
  const [rows, columns] = [100, 33]
  const [weight, bias, input] = [floats(rows * columns), floats(rows), floats(97 * columns)]
  weight.fill(0, 0, weight.length / 2)
  const forms = [
    ...(['float32', 'bfloat16', 'int8', 'float8'] as const).map((format) => [format, 'off'] as const),
    ['float32', 'require'] as const,
  ]
  const call = (tokens: number, format: LinearDtype, sparsity: Sparsity) =>
    ops.linear('cpu', {
      ...{ weight, bias, rows, columns, tokens, format, sparsity, activation: 'gelu', residual: null },
      input: input.slice(0, tokens * columns),
    })
  for (const isa of isasHere())
    for (const [format, sparsity] of forms)
      await withIsa(isa, () => {
        const all = call(97, format, sparsity)
        for (let tokens = 1; tokens < 97; tokens++) {
          const some = call(tokens, format, sparsity)
          equalExactly(t, some, all.subarray(0, tokens * rows), `${isa}, ${format}: ${tokens} tokens`)
        }
      })
})

test.serial('layerNorm normalises rows', async (t) => {
  let count = 0
  for (const tokens of tokenCounts)
    for (const width of widths)
      for (const variance of [1e-12, 1e-5]) {
        const [input, gain, bias] = [floats(tokens * width), floats(width), floats(width)]
        const request = { input, tokens, width, gain, bias, epsilon: variance }
        const least = Math.sqrt(overRows(input, width, deviation).least ** 2 + variance)
        const allowed = 4 * epsilon * (Math.sqrt(width) * (1 + largest(input) / least) + 1)
        const call = (device: string) => ops.layerNorm(device, request)
        const what = `layerNorm ${tokens} × ${width}`
        count += await onEachIsa(t, call, call('plain'), width === 1 ? 0 : allowed, what, [tokens, width])
      }
  t.log(`${count} cases`)
})

test.serial('attention attends within each sequence, with a position bias where there is one', async (t) => {
  let count = 0
  for (const lengths of batches)
    for (const heads of [0, 1, 3])
      for (const headSize of [1, 5, 8, 32, 33, 64, 100])
        for (const withBias of [false, true]) {
          const tokens = sum(lengths)
          const qkv = floats(tokens * 3 * heads * headSize)
          // As long as the longest sequence: its first and last distance are the ends of the table.
          const span = Math.max(1, ...lengths)
          const bias = withBias ? floats(heads * (2 * span - 1)) : null
          const request = { qkv, offsets: offsetsOf(lengths), heads, headSize, bias, span }
          const scores = overRows(qkv, headSize, norm).most ** 2 / Math.sqrt(headSize)
          const allowed =
            (4 * epsilon * (Math.sqrt(headSize) * scores + Math.sqrt(Math.max(...lengths, 0)) + 1) + 6e-7) * 2
          const call = (device: string) => ops.attention(device, request)
          const what = `attention over [${lengths}], ${heads} heads of ${headSize}${bias ? ', biased' : ''}`
          count += await onEachIsa(t, call, call('plain'), allowed, what, [tokens, heads, headSize])
        }
  t.log(`${count} cases`)
})

test.serial('attention keeps its weights where scores are far apart', async (t) => {
  const [tokens, headSize] = [33, 16]
  const qkv = floats(tokens * 3 * headSize).map((value, i) => (i % (3 * headSize) < 32 ? value * 40 : value))
  const request = { qkv, offsets: offsetsOf([tokens]), heads: 1, headSize, bias: null, span: 1 }
  const call = (device: string) => ops.attention(device, request)
  // Scores near 5000 are known to 5000 ε, which is what their weights are off by.
  t.is(await onEachIsa(t, call, call('plain'), 4e-3, 'far apart', [tokens, headSize]), isasHere().length)
})

const poolings: Record<string, (column: number[]) => number> = {
  mean: (column) => sum(column) / column.length,
  meanSqrtLength: (column) => sum(column) / Math.sqrt(column.length),
  max: (column) => Math.max(...column),
  cls: (column) => column[0]!,
  lastToken: (column) => column.at(-1)!,
  weightedMean: (column) => weighted(column, 0),
}

/** The mean of numbers whose weights are their places, from `skip` + 1 on. */
function weighted(column: readonly number[], skip: number): number {
  const weights = column.map((_, place) => place + skip + 1)
  return sum(column.map((value, place) => value * weights[place]!)) / sum(weights)
}

function pooled(input: Float32Array, lengths: readonly number[], width: number, pooling: string): number[][] {
  const offsets = offsetsOf(lengths)
  return lengths.map((length, sequence) =>
    Array.from({ length: width }, (_, i) => {
      const column = Array.from({ length }, (_, token) => input[(offsets[sequence]! + token) * width + i]!)
      return length === 0 ? 0 : poolings[pooling]!(column)
    }),
  )
}

test.serial(
  'pool makes one row of each sequence, of length 1 where asked, and zeros of an empty one',
  async (t) => {
    let count = 0
    for (const lengths of batches)
      for (const width of widths)
        for (const pooling of Object.keys(poolings))
          for (const normalize of [false, true]) {
            const input = floats(sum(lengths) * width)
            const rows = pooled(input, lengths, width, pooling).map((row) => {
              const length = Math.sqrt(sum(row.map((x) => x * x)))
              return normalize && length > 0 ? row.map((x) => x / length) : row
            })
            const request = { input, offsets: offsetsOf(lengths), width, pooling, normalize, skip: 0 }
            // A mean near zero loses more digits when it is divided by its length.
            const shortest = Math.min(
              1,
              ...pooled(input, lengths, width, pooling).map((row) => Math.hypot(...row) || 1),
            )
            const allowed = (4 * epsilon * Math.sqrt(Math.max(1, ...lengths))) / (normalize ? shortest : 1)
            const what = `${pooling} of [${lengths}] × ${width}`
            for (const device of devices) {
              const actual = ops.pool(device, request)
              closeWithin(t, actual, rows.flat(), allowed, `${device}: ${what}`, [lengths.length, width])
              count++
            }
          }
    t.log(`${count} cases`)
  },
)

test.serial('pool leaves out the tokens that each sequence begins with', async (t) => {
  let count = 0
  const [lengths, width, skip] = [[5, 4, 9, 40], 33, 3]
  const input = floats(sum(lengths) * width)
  const offsets = offsetsOf(lengths)
  for (const pooling of Object.keys(poolings)) {
    const rest =
      pooling === 'weightedMean' ? (column: number[]) => weighted(column, skip) : poolings[pooling]!
    const expected = lengths.flatMap((length, sequence) =>
      Array.from({ length: width }, (_, i) =>
        rest(
          Array.from(
            { length: length - skip },
            (_, token) => input[(offsets[sequence]! + skip + token) * width + i]!,
          ),
        ),
      ),
    )
    for (const device of devices) {
      const actual = ops.pool(device, { input, offsets, width, pooling, normalize: false, skip })
      closeWithin(t, actual, expected, 32 * epsilon, `${device}: ${pooling}`, [lengths.length, width])
      count++
    }
  }
  t.log(`${count} cases`)
})

test.serial(
  'pool of a sequence that has no other tokens is its first, -∞ or 0, as the reference has it',
  (t) => {
    const input = Float32Array.of(3, -4, 5, 6)
    const left = { cls: [3, -4], max: [-Infinity, -Infinity] }
    for (const pooling of Object.keys(poolings))
      for (const skip of [2, 7])
        for (const device of devices) {
          const request = { input, offsets: Int32Array.of(0, 2), width: 2, pooling, normalize: false, skip }
          t.deepEqual(
            [...ops.pool(device, request)],
            left[pooling as 'cls'] ?? [0, 0],
            `${device}: ${pooling}`,
          )
        }
  },
)

test.serial('gather copies rows, in any order and more than once', async (t) => {
  let count = 0
  for (const tokens of tokenCounts)
    for (const width of widths)
      for (const wanted of tokens === 0 ? [0] : [0, 1, 7, 130]) {
        const [input, rows] = [floats(tokens * width), indices(wanted, tokens)]
        const expected = [...rows].flatMap((row) => [...input.subarray(row * width, (row + 1) * width)])
        for (const device of devices) {
          const actual = ops.gather(device, { input, tokens, width, rows })
          equalExactly(t, actual, expected, `${device}: ${wanted} of ${tokens} × ${width}`, [wanted, width])
          count++
        }
      }
  t.log(`${count} cases`)
})

test.serial('embed normalises the sum of word, position and type', async (t) => {
  let count = 0
  for (const tokens of tokenCounts)
    for (const width of widths)
      for (const typeRows of [0, 2]) {
        const [word, position, type] = [floats(11 * width), floats(97 * width), floats(typeRows * width)]
        const request = {
          ...{ word, position, type, width, gain: floats(width), bias: floats(width), epsilon: 1e-12 },
          ids: indices(tokens, 11),
          positions: indices(tokens, 97),
          types: indices(typeRows === 0 ? 0 : tokens, Math.max(typeRows, 1)),
          offsets: offsetsOf([tokens]),
        }
        // How far a row may be off depends on how flat the summed row is: gain 1 and bias 0 show it.
        const reference = ops.embed('plain', request)
        const steepness = 1 / Math.max(1e-3, leastDeviation(request))
        const allowed = 4 * epsilon * (Math.sqrt(width) * (1 + 3 * steepness) + 1)
        const call = (device: string) => ops.embed(device, request)
        const what = `embed ${tokens} × ${width}, ${typeRows} types`
        count += await onEachIsa(t, call, reference, width === 1 ? 0 : allowed, what, [tokens, width])
      }
  t.log(`${count} cases`)
})

function leastDeviation(request: Parameters<Ops['embed']>[1]): number {
  const { word, position, type, width, ids, positions, types } = request
  const rows = Array.from(ids, (id, token) =>
    Float32Array.from({ length: width }, (_, i) => {
      const at = (table: Float32Array, row: number) => table[row * width + i] ?? 0
      return (
        at(word, id) + at(position, positions[token]!) + (types.length === 0 ? 0 : at(type, types[token]!))
      )
    }),
  )
  return Math.min(...rows.map(deviation))
}
