/**
 * The verbs of gradients (activateBackward, dotGroups, layerNormBackward, attentionBackward) × the CPU's instruction
 * sets × odd shapes, against the reference loops, which compute in double. Allowed is what ops.test.ts allows: a sum of
 * k products may be off by c · ε · √k · ‖x‖ · ‖y‖ with c = 4, the polynomials for exp and erf by 3e-7.
 */
import test, { type ExecutionContext } from 'ava'
import { addon } from '../lib/addon.js'
import { activations } from '../lib/architecture/spec.js'
import { closeWithin } from './equal.js'
import { isasHere, withIsa } from './isas.js'
import { randomNumbers } from './random-numbers.js'

const { ops } = addon()
const epsilon = 2 ** -23
const next = randomNumbers(67)
const floats = (count: number) => Float32Array.from({ length: count }, () => (next() - 0.5) * 2)
const tokenCounts = [0, 1, 5, 13, 49, 300]
const widths = [0, 1, 3, 16, 33, 100]

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

test.serial('activateBackward multiplies with the derivative of each activation', async (t) => {
  let count = 0
  for (const tokens of tokenCounts)
    for (const width of widths)
      for (const activation of activations) {
        const [input, gradient] = [floats(tokens * width).map((x) => x * 6), floats(tokens * width)]
        const request = { input, gradient, tokens, width, activation }
        const call = (device: string) => ops.activateBackward(device, request)
        // The exponent that a slope is made of is off by ε of itself, up to 18.
        const allowed = 6 * 3e-7 + 4 * epsilon * 18
        count += await onEachIsa(t, call, allowed, `${activation} of ${tokens} × ${width}`, [tokens, width])
      }
  t.log(`${count} cases`)
})

test.serial('the reference derivatives are central differences of the activations', (t) => {
  const input = Float32Array.from({ length: 81 }, (_, i) => (i - 40) / 8 + 1 / 32)
  const shape = { tokens: 1, width: input.length }
  const step = 2 ** -7
  for (const activation of activations) {
    const at = (by: number) =>
      ops.activate('plain', { ...shape, activation, input: input.map((x) => x + by) })
    const [above, below] = [at(step), at(-step)]
    const slopes = above.map((value, i) => (value - below[i]!) / (2 * step))
    const ones = new Float32Array(input.length).fill(1)
    const actual = ops.activateBackward('plain', { ...shape, activation, input, gradient: ones })
    closeWithin(t, actual, slopes, step ** 2 + (epsilon * 6) / step, activation)
  }
})

test.serial('dotGroups sums products of consecutive columns', async (t) => {
  for (const tokens of tokenCounts)
    for (const groups of widths)
      for (const group of [1, 3, 8, 32, 33]) {
        const width = groups * group
        const request = { a: floats(tokens * width), b: floats(tokens * width), tokens, width, group }
        const call = (device: string) => ops.dotGroups(device, request)
        const what = `${tokens} × ${groups} groups of ${group}`
        await onEachIsa(t, call, 4 * epsilon * Math.sqrt(group) * group, what, [tokens, groups])
      }
})

test.serial('layerNormBackward is the derivative of layerNorm', async (t) => {
  for (const tokens of tokenCounts)
    for (const width of widths) {
      const [input, gradient] = [floats(tokens * width).map((x) => x + 3), floats(tokens * width)]
      // An ε that keeps rows of few numbers from being divided by next to nothing.
      const request = {
        input,
        gradient,
        tokens,
        width,
        gain: floats(width),
        bias: floats(width),
        epsilon: 0.1,
      }
      const call = (device: string) => ops.layerNormBackward(device, request)
      // Differences from a mean of 3 are known to 4 ε, and the slope is at most one over √0.1.
      const allowed = (4 * epsilon * (Math.sqrt(width) + 4) * (1 + 4 / Math.sqrt(0.1))) / Math.sqrt(0.1)
      await onEachIsa(t, call, allowed, `${tokens} × ${width}`, [tokens, width])
    }
})

const offsetsOf = (lengths: readonly number[]) => {
  let end = 0
  return Int32Array.from([0, ...lengths.map((length) => (end += length))])
}

test.serial('attentionBackward is the derivative of attention, within each sequence', async (t) => {
  let count = 0
  for (const lengths of [[1], [2, 1], [13], [0, 49, 0, 2], [97], []])
    for (const heads of [0, 1, 3])
      for (const headSize of [1, 5, 16, 32, 33, 100])
        for (const withBias of [false, true]) {
          const offsets = offsetsOf(lengths)
          const tokens = offsets.at(-1)!
          const [qkv, gradient] = [floats(tokens * 3 * heads * headSize), floats(tokens * heads * headSize)]
          const span = Math.max(1, ...lengths)
          const bias = withBias ? floats(heads * (2 * span - 1)) : null
          const request = { qkv, gradient, offsets, heads, headSize, bias, span }
          // Scores and the gradients by weights are sums over the head, and each is multiplied by the other.
          const scores = 4 * epsilon * Math.sqrt(headSize) * (headSize / 3)
          const allowed = (scores + 6e-7) * (1 + Math.sqrt(headSize)) * 2 + 4 * epsilon * Math.sqrt(span)
          const call = (device: string) => ops.attentionBackward(device, request)
          const what = `[${lengths}], ${heads} heads of ${headSize}${bias ? ', biased' : ''}`
          count += await onEachIsa(t, call, allowed, what, [tokens, 3, heads, headSize])
        }
  t.log(`${count} cases`)
})

test.serial('the reference attentionBackward is a central difference of attention', (t) => {
  const [lengths, heads, headSize] = [[4, 1, 3], 2, 5]
  const offsets = offsetsOf(lengths)
  const [qkv, gradient] = [floats(8 * 3 * heads * headSize), floats(8 * heads * headSize)]
  const shape = { offsets, heads, headSize, bias: floats(heads * 7), span: 4 }
  const slopes = ops.attentionBackward('plain', { ...shape, qkv, gradient })
  const step = 2 ** -8
  const loss = (at: number, by: number) =>
    ops
      .attention('plain', { ...shape, qkv: qkv.map((x, i) => (i === at ? x + by : x)) })
      .reduce((sum, x, i) => sum + x * gradient[i]!, 0)
  const expected = qkv.map((_, at) => (loss(at, step) - loss(at, -step)) / (2 * step))
  closeWithin(t, slopes, expected, step ** 2 + (epsilon * 40) / step, 'attentionBackward')
})
