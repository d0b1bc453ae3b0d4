/**
 * What a walk adds to the verbs (addProducts, activate, scaleGroups, add, attentionProbabilities) × the CPU's
 * instruction sets × odd shapes, against the reference loops, which compute in double. Allowed is what ops.test.ts
 * allows: a sum of k products may be off by c · ε · √k · ‖x‖ · ‖y‖ with c = 4, the polynomials for exp and erf by 3e-7.
 */
import test, { type ExecutionContext } from 'ava'
import { addon } from '../lib/addon.js'
import { activations } from '../lib/architecture/spec.js'
import { closeWithin, equalExactly } from './equal.js'
import { isasHere, withIsa } from './isas.js'
import { randomNumbers } from './random-numbers.js'

const { ops } = addon()
const epsilon = 2 ** -23
const next = randomNumbers(61)
const floats = (count: number) => Float32Array.from({ length: count }, () => (next() - 0.5) * 2)
const tokenCounts = [0, 1, 5, 13, 49, 300]
const widths = [0, 1, 3, 16, 33, 100]
const batches = [[1], [2, 1], [13], [0, 49, 0, 2], [97], []]

/** Compares the CPU under every instruction set. @returns how many comparisons that was */
async function onEachIsa(
  t: ExecutionContext,
  call: (device: string) => Float32Array,
  allowed: number,
  what: string,
  dims: readonly number[],
): Promise<number> {
  const reference = call('plain')
  for (const isa of isasHere())
    closeWithin(t, await withIsa(isa, () => call('cpu')), reference, allowed, `${isa}: ${what}`, dims)
  return isasHere().length
}

test.serial('addProducts adds Σ aᵀ b to what is there', async (t) => {
  let count = 0
  for (const tokens of tokenCounts)
    for (const columns of widths)
      for (const otherColumns of widths) {
        const [a, b] = [floats(tokens * columns), floats(tokens * otherColumns)]
        const request = { a, b, columns, otherColumns, tokens, sums: floats(columns * otherColumns) }
        const allowed = 4 * epsilon * (Math.sqrt(tokens) * tokens + 1)
        const what = `${tokens} × ${columns} × ${otherColumns}`
        count += await onEachIsa(t, (device) => ops.addProducts(device, request), allowed, what, [
          columns,
          otherColumns,
        ])
      }
  t.log(`${count} cases`)
})

test.serial('addProducts of one input with itself is symmetric, bit for bit', async (t) => {
  for (const tokens of tokenCounts)
    for (const columns of [...widths, 257, 300]) {
      const sums = new Float32Array(columns * columns).fill(0.5)
      const request = { a: floats(tokens * columns), columns, tokens, sums }
      const allowed = 4 * epsilon * (Math.sqrt(tokens) * tokens + 1)
      const what = `${tokens} × ${columns}`
      const call = (device: string) => ops.addProducts(device, request)
      await onEachIsa(t, call, allowed, what, [columns, columns])
      const products = call('cpu')
      const transposed = products.map((_, i) => products[(i % columns) * columns + Math.floor(i / columns)]!)
      equalExactly(t, products, transposed, `${what} transposed`, [columns, columns])
    }
})

test.serial('activate is each activation of each number', async (t) => {
  for (const tokens of tokenCounts)
    for (const width of widths)
      for (const activation of activations) {
        const input = floats(tokens * width).map((x) => x * 6)
        const call = (device: string) => ops.activate(device, { input, tokens, width, activation })
        await onEachIsa(t, call, 6 * 3e-7 + 4 * epsilon * 6, `${activation} of ${tokens} × ${width}`, [
          tokens,
          width,
        ])
      }
})

test.serial(
  'scaleGroups multiplies consecutive columns by the factor of their group, add adds',
  async (t) => {
    for (const tokens of tokenCounts)
      for (const groups of widths)
        for (const group of [1, 3, 8]) {
          const width = groups * group
          const [input, b, factors] = [floats(tokens * width), floats(tokens * width), floats(groups)]
          const scale = { input, tokens, width, factors, group }
          const scaled = input.map((x, i) => x * factors[Math.floor((i % width) / group)]!)
          const added = input.map((x, i) => x + b[i]!)
          for (const device of ['cpu', 'plain']) {
            equalExactly(t, ops.scaleGroups(device, scale), scaled, `${device}: ${tokens} × ${width}`)
            equalExactly(t, ops.add(device, { a: input, b, tokens, width }), added, `${device}: ${tokens}`)
          }
        }
  },
)

const offsetsOf = (lengths: readonly number[]) => {
  let end = 0
  return Int32Array.from([0, ...lengths.map((length) => (end += length))])
}

test.serial('attentionProbabilities are what attention weighs values with', async (t) => {
  let count = 0
  for (const lengths of batches)
    for (const heads of [0, 1, 3])
      for (const headSize of [1, 5, 32, 33])
        for (const withBias of [false, true]) {
          const offsets = offsetsOf(lengths)
          const qkv = floats(offsets.at(-1)! * 3 * heads * headSize)
          const span = Math.max(1, ...lengths)
          const bias = withBias ? floats(heads * (2 * span - 1)) : null
          const request = { qkv, offsets, heads, headSize, bias, span }
          const allowed = 4 * epsilon * (Math.sqrt(headSize) * 4 + 1) + 6e-7
          const call = (device: string) => ops.attentionProbabilities(device, request)
          const what = `[${lengths}], ${heads} heads of ${headSize}${bias ? ', biased' : ''}`
          count += await onEachIsa(t, call, allowed, what, [call('plain').length])
          const rows = call('cpu')
          const contexts = ops.attention('cpu', request)
          t.true(mixes(rows, request, contexts), what)
        }
  t.log(`${count} cases`)
})

/** Whether values weighed with the probabilities are the contexts. */
function mixes(
  probabilities: Float32Array,
  {
    qkv,
    offsets,
    heads,
    headSize,
  }: { qkv: Float32Array; offsets: Int32Array; heads: number; headSize: number },
  contexts: Float32Array,
): boolean {
  const model = heads * headSize
  let at = 0
  for (let sequence = 0; sequence + 1 < offsets.length; sequence++) {
    const [begin, end] = [offsets[sequence]!, offsets[sequence + 1]!]
    for (let head = 0; head < heads; head++)
      for (let query = begin; query < end; query++, at += end - begin)
        for (let i = 0; i < headSize; i++) {
          let sum = 0
          for (let key = begin; key < end; key++)
            sum += probabilities[at + key - begin]! * qkv[key * 3 * model + 2 * model + head * headSize + i]!
          if (Math.abs(sum - contexts[query * model + head * headSize + i]!) > 3e-6) return false
        }
  }
  return at === probabilities.length
}
