/**
 * Scores, least squares and SparseGPT on moments: against the NumPy transcription of their formulas in
 * fixtures/calibration (make.py says how), and by what must hold of any input.
 */
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { Safetensors } from 'twofour'
import type { MomentsHandle, SelectRequest, SparseGptRequest, WeightSource } from '../binding.js'
import { addon, native } from '../lib/addon.js'
import { type ErrorCode, TwofourError } from '../lib/errors.js'
import { closeWithin, equalExactly, equalWithin } from './equal.js'
import { encode, randomNumbers, type StoredDtype } from './random-numbers.js'

const [tokens, rows, columns] = [96, 12, 24]
let fixture: Safetensors
let given: Record<'inputs' | 'weight' | 'bias' | 'other' | 'target', Float32Array>
const floats = async (name: string) => new Float32Array((await fixture.read(name)).slice().buffer)
const flags = async (name: string) => Array.from(await fixture.read(name), (value) => value !== 0)

test.before(async () => {
  const file = new URL('fixtures/calibration/calibration.safetensors', import.meta.url)
  fixture = await Safetensors.open(fileURLToPath(file))
  const [inputs, weight, bias, other, target] = await Promise.all([
    ...[floats('inputs'), floats('weight'), floats('bias'), floats('other'), floats('target')],
  ])
  given = { inputs: inputs!, weight: weight!, bias: bias!, other: other!, target: target! }
})

const makers = {
  own: () => addon().makeMoments({ inputs: given.inputs, tokens, full: true }),
  target: () => addon().makeMoments({ inputs: given.inputs, tokens, targets: given.target, full: true }),
}

/** One bit for each, lowest first. */
function packed(kept: readonly boolean[]): Uint8Array {
  const bits = new Uint8Array(Math.ceil(kept.length / 8))
  kept.forEach((stays, i) => {
    if (stays) bits[i >> 3]! |= 1 << (i & 7)
  })
  return bits
}
const unpacked = (bits: Uint8Array, count: number) =>
  Array.from({ length: count }, (_, i) => ((bits[i >> 3]! >> (i & 7)) & 1) === 1)

function source(
  values: ArrayBufferView,
  shape: number[],
  dtype: StoredDtype = 'F32',
  bits?: Uint8Array,
): WeightSource {
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  return { name: `a matrix of [${shape}]`, dtype, shape, data, ...(bits && { bits }) }
}
const matrix = (bits?: Uint8Array) => source(given.weight, [rows, columns], 'F32', bits)
const vector = () => source(given.bias, [rows])

const select = (request: Omit<SelectRequest, 'seed' | 'stream'>) =>
  native((control) => addon().selectWeights({ ...request, seed: 0, stream: 0 }, control))

type Asked = { bits: Uint8Array; moments: MomentsHandle; damping?: number; threads?: number }
const update = (kind: 'bias' | 'refit', asked: Asked) =>
  native((control) =>
    addon().updateWeights(
      {
        ...{ weight: matrix(asked.bits), bias: vector(), moments: asked.moments, targetRow: 0, update: kind },
        ...{ damping: asked.damping ?? 0.01, threads: asked.threads ?? 2 },
      },
      control,
    ),
  )
const sparseGpt = (request: Pick<SparseGptRequest, 'moments' | 'pattern'> & Partial<SparseGptRequest>) =>
  native((control) =>
    addon().sparseGpt(
      { weight: matrix(), bias: vector(), targetRow: 0, block: 8, damping: 0.01, threads: 2, ...request },
      control,
    ),
  )
const numbersOf = (bytes: Uint8Array) => new Float32Array(bytes.slice().buffer)

/** Mean over tokens of each row's output, in double. */
function meanOutputs(weights: Float32Array, offsets: Float32Array): Float64Array {
  const means = Float64Array.from(offsets)
  for (let row = 0; row < rows; row++)
    for (let token = 0; token < tokens; token++)
      for (let i = 0; i < columns; i++)
        means[row]! += (weights[row * columns + i]! * given.inputs[token * columns + i]!) / tokens
  return means
}

test('wanda, ria and lamp choose what a transcription of their formulas chooses', async (t) => {
  const moments = [addon().makeMoments({ inputs: given.inputs, tokens, full: false })]
  const nm = { kind: 'nm', n: 2, m: 4 } as const
  const row = { kind: 'unstructured', fraction: 0.5, per: 'row' } as const
  for (const [name, score, pattern] of [
    ['masks.wanda.2:4', 'wanda', nm],
    ['masks.wanda.row', 'wanda', row],
    ['masks.ria.2:4', 'ria', nm],
  ] as const) {
    const { bits } = await select({ weights: [matrix()], score, moments, pattern })
    t.deepEqual(unpacked(bits[0]!, rows * columns), await flags(name), name)
  }
  const pattern = { kind: 'unstructured', fraction: 0.6, per: 'global' } as const
  const weights = [matrix(), source(given.other, [5, columns])]
  const { bits } = await select({ weights, score: 'lamp', pattern })
  const kept = [...unpacked(bits[0]!, rows * columns), ...unpacked(bits[1]!, 5 * columns)]
  t.deepEqual(kept, await flags('masks.lamp.global'))
})

test('within a matrix lamp has the order of magnitude', async (t) => {
  for (const pattern of [
    { kind: 'nm', n: 1, m: 4 },
    { kind: 'unstructured', fraction: 0.3, per: 'row' },
    { kind: 'unstructured', fraction: 0.7, per: 'matrix' },
  ] as const) {
    const [lamp, magnitude] = await Promise.all(
      ['lamp', 'magnitude'].map((score) => select({ weights: [matrix()], score, pattern })),
    )
    t.deepEqual(lamp, magnitude)
  }
})

for (const [kind, moments] of Object.entries(makers)) {
  test(`refit solves what a dense least-squares solver solves (target: ${kind})`, async (t) => {
    const kept = await flags('masks.wanda.2:4')
    for (const damping of [0, 0.01]) {
      const expected = (what: string) => floats(`${kind}.refit.${damping.toFixed(damping ? 2 : 1)}.${what}`)
      const result = await update('refit', { bits: packed(kept), moments: moments(), damping })
      equalWithin(t, numbersOf(result.weight), await expected('weight'), 1e-4, 'weights', [rows, columns])
      equalWithin(t, numbersOf(result.bias), await expected('bias'), 1e-4, 'bias')
      closeWithin(t, [result.errors.updated], await expected('error'), 1e-6, 'error as returned')
      closeWithin(
        t,
        [result.errors.masked],
        await floats(`${kind}.masked.error`),
        1e-6,
        'error of zeros alone',
      )
      t.is(result.unchangedRows, 0)
      t.true(numbersOf(result.weight).every((value, i) => kept[i] || value === 0))
    }
  })

  test(`sparsegpt chooses and updates as its transcription does (target: ${kind})`, async (t) => {
    for (const [name, pattern] of [
      ['2:4', { kind: 'nm', n: 2, m: 4 }],
      ['0.4', { kind: 'unstructured', fraction: 0.4 }],
    ] as const) {
      const expected = (what: string) => floats(`${kind}.sparsegpt.${name}.${what}`)
      const result = await sparseGpt({ moments: moments(), pattern })
      const kept = await flags(`${kind}.sparsegpt.${name}.mask`)
      t.deepEqual(unpacked(result.bits, rows * columns), kept, name)
      equalWithin(t, numbersOf(result.weight), await expected('weight'), 1e-4, 'weights', [rows, columns])
      equalWithin(t, numbersOf(result.bias), await expected('bias'), 1e-4, 'bias')
      closeWithin(t, [result.errors.updated], await expected('error'), 1e-6, 'error')
      t.is(result.kept, kept.filter(Boolean).length)
    }
  })
}

const relativeError = (after: WeightSource, afterBias: WeightSource, moments: MomentsHandle) =>
  native((control) =>
    addon().relativeError(
      { before: matrix(), beforeBias: vector(), after, afterBias, moments, threads: 1 },
      control,
    ),
  )

test('errors are the relative errors of the weights, and bias correction makes their mean zero', async (t) => {
  const bits = packed(await flags('masks.wanda.2:4'))
  const wanted = meanOutputs(given.weight, given.bias)
  for (const kind of ['bias', 'refit'] as const) {
    const moments = makers.own()
    const { weight, bias, errors } = await update(kind, { bits, moments })
    equalWithin(t, meanOutputs(numbersOf(weight), numbersOf(bias)), wanted, 1e-6, `mean output after ${kind}`)
    const updated = await relativeError(source(weight, [rows, columns]), source(bias, [rows]), moments)
    closeWithin(t, [errors.updated], [updated], 1e-6, `${kind}: updated`)
    closeWithin(t, [errors.masked], [await relativeError(matrix(bits), vector(), moments)], 1e-6, 'masked')
    t.true(errors.updated < errors.masked)
  }
})

test('bias correction leaves the weights that stay as they are', async (t) => {
  const kept = await flags('masks.wanda.2:4')
  const { weight: after } = await update('bias', { bits: packed(kept), moments: makers.target() })
  equalExactly(
    t,
    numbersOf(after),
    given.weight.map((value, i) => (kept[i] ? value : 0)),
    'weights',
  )
})

test('bits of a linear among others of one target are solved for by its own rows of the target', async (t) => {
  // The same numbers as rows 4 to 15 of a target of 16.
  const wide = Float32Array.from({ length: tokens * 16 }, (_, i) =>
    i % 16 < 4 ? 9 : given.target[Math.floor(i / 16) * rows + (i % 16) - 4]!,
  )
  const moments = addon().makeMoments({ inputs: given.inputs, tokens, targets: wide, full: true })
  const pattern = { kind: 'nm', n: 2, m: 4 } as const
  const [alone, among] = [
    await sparseGpt({ moments: makers.target(), pattern }),
    await sparseGpt({ moments, pattern, targetRow: 4 }),
  ]
  t.deepEqual(among.bits, alone.bits)
  equalWithin(t, numbersOf(among.weight), numbersOf(alone.weight), 1e-6, 'weights')
  t.is(among.errors.updated.toFixed(6), alone.errors.updated.toFixed(6))
})

const next = randomNumbers(66)
const random = (count: number) => Float64Array.from({ length: count }, () => next() * 2 - 1)

/** A linear with correlated inputs; [tokens, columns] with fewer directions than columns where tokens are few. */
function made(dtype: StoredDtype, rows: number, columns: number, tokens: number) {
  const directions = Math.min(8, columns)
  const [mix, parts, noise] = [
    random(directions * columns),
    random(tokens * directions),
    random(tokens * columns),
  ]
  const inputs = Float32Array.from(noise, (value, i) => {
    const [token, column] = [Math.floor(i / columns), i % columns]
    let sum = value / 4 + (column % 3)
    for (let d = 0; d < directions; d++) sum += parts[token * directions + d]! * mix[d * columns + column]!
    return sum
  })
  const kept = Array.from({ length: rows * columns }, () => next() < 0.6)
  return {
    weight: source(encode(random(rows * columns), dtype), [rows, columns], dtype, packed(kept)),
    bias: source(encode(random(rows), dtype), [rows], dtype),
    moments: addon().makeMoments({ inputs, tokens, full: true }),
    kept,
  }
}

test('refit never raises the error, in any dtype and with any number of tokens, and respects the bits', async (t) => {
  for (const dtype of ['F32', 'F16', 'BF16', 'F64'] as const)
    for (const [rows, columns, tokens] of [
      [1, 1, 1],
      [9, 13, 5],
      [5, 64, 1],
      [8, 60, 200],
      [4, 700, 300],
    ] as const) {
      const { weight, bias, moments, kept } = made(dtype, rows, columns, tokens)
      for (const damping of [0.01, 10]) {
        const what = `${dtype} [${rows}, ${columns}], ${tokens} tokens, ${damping}`
        const request = { weight, bias, moments, targetRow: 0, update: 'refit', damping, threads: 2 } as const
        const result = await native((control) => addon().updateWeights(request, control))
        t.true(result.errors.updated <= result.errors.masked, what)
        t.is(result.weight.byteLength, weight.data!.byteLength)
        t.is(result.bias.byteLength, bias.data!.byteLength)
        const width = result.weight.byteLength / kept.length
        const zeros = (i: number) =>
          result.weight.subarray(i * width, (i + 1) * width).every((byte) => byte === 0)
        t.true(
          kept.every((stays, i) => stays || zeros(i)),
          what,
        )
        const { bits: _, ...after } = { ...weight, data: result.weight }
        const error = await native((control) =>
          addon().relativeError(
            {
              ...{ before: { ...after, data: weight.data! }, after, beforeBias: bias },
              ...{ afterBias: { ...bias, data: result.bias }, moments, threads: 2 },
            },
            control,
          ),
        )
        closeWithin(
          t,
          [error],
          [result.errors.updated],
          1e-5 * (1 + result.errors.updated),
          `${what}: as stored`,
        )
      }
    }
})

test('numbers are stored in their dtype to nearest, ties to even', async (t) => {
  // An input that is always 1 and a weight that goes: the whole of it is the bias' business.
  const moments = addon().makeMoments({ inputs: Float32Array.of(1, 1), tokens: 2, full: true })
  const stored = async (dtype: StoredDtype, values: readonly number[]) => {
    const [rows, bits] = [values.length, new Uint8Array(values.length)]
    const weight = source(Float32Array.from(values), [rows, 1], 'F32', bits)
    const bias = source(encode(new Float64Array(rows), dtype), [rows], dtype)
    const request = { weight, bias, moments, targetRow: 0, update: 'bias', damping: 0, threads: 1 } as const
    const result = await native((control) => addon().updateWeights(request, control))
    return Array.from(new Uint16Array(result.bias.slice().buffer))
  }
  const halves: [number, number][] = [
    ...([
      [1, 0x3c00],
      [-2, 0xc000],
      [1 + 2 ** -11, 0x3c00],
      [1 + 3 * 2 ** -11, 0x3c02],
    ] as [number, number][]),
    ...([
      [1 + 2 ** -11 + 2 ** -20, 0x3c01],
      [65504, 0x7bff],
      [65519, 0x7bff],
    ] as [number, number][]),
    ...([
      [2 ** -14, 0x0400],
      [2 ** -14 - 2 ** -24, 0x03ff],
      [2 ** -14 - 2 ** -26, 0x0400],
    ] as [number, number][]),
    ...([
      [2 ** -24, 1],
      [-1.5 * 2 ** -24, 0x8002],
      [2.5 * 2 ** -24, 2],
    ] as [number, number][]),
    // Too large, and too small to be told from zero: nothing is gained, so the bias stays.
    ...([
      [65520, 0],
      [1e30, 0],
      [2 ** -25, 0],
      [0, 0],
    ] as [number, number][]),
  ]
  t.deepEqual(
    await stored(
      'F16',
      halves.map(([value]) => value),
    ),
    halves.map(([, bits]) => bits),
  )
  const shorter: [number, number][] = [
    ...([
      [1, 0x3f80],
      [1 + 2 ** -8, 0x3f80],
      [1 + 3 * 2 ** -8, 0x3f82],
    ] as [number, number][]),
    ...([
      [-1 - 2 ** -8 - 2 ** -20, 0xbf81],
      [2 - 2 ** -9, 0x4000],
      [3e-39, 0x0021],
    ] as [number, number][]),
  ]
  t.deepEqual(
    await stored(
      'BF16',
      shorter.map(([value]) => value),
    ),
    shorter.map(([, bits]) => bits),
  )
})

test('a linear without rows, or without inputs, is solved for', async (t) => {
  for (const [rows, columns] of [
    [0, 8],
    [3, 0],
  ] as const) {
    const { weight, bias, moments } = made('F32', rows, columns, 5)
    const common = { weight, bias, moments, targetRow: 0, damping: 0.01, threads: 2 }
    const results = [
      await native((control) => addon().updateWeights({ ...common, update: 'refit' }, control)),
      await native((control) =>
        addon().sparseGpt({ ...common, pattern: { kind: 'nm', n: 2, m: 4 }, block: 128 }, control),
      ),
    ]
    for (const result of results) {
      t.deepEqual(result.errors, { masked: 0, updated: 0 })
      t.deepEqual(result.bias, new Uint8Array(bias.data!))
    }
    const pattern = { kind: 'nm', n: 2, m: 4 } as const
    for (const score of ['wanda', 'ria', 'lamp'])
      t.deepEqual((await select({ weights: [weight], score, moments: [moments], pattern })).kept, [0])
  }
})

test('the solvers give the same with any number of threads', async (t) => {
  const { weight, bias, moments } = made('F32', 24, 600, 900)
  const common = { weight, bias, moments, targetRow: 0, damping: 0.01 }
  const run = async (threads: number) => [
    await native((control) => addon().updateWeights({ ...common, update: 'refit', threads }, control)),
    await native((control) =>
      addon().sparseGpt({ ...common, pattern: { kind: 'nm', n: 2, m: 4 }, block: 128, threads }, control),
    ),
  ]
  const alone = await run(1)
  t.deepEqual(await run(2), alone)
  t.deepEqual(await run(5), alone)
})

test('sparsegpt removes exactly the fraction, keeps N of M, and what is gone stays gone', async (t) => {
  const gone = Array.from({ length: rows * columns }, (_, i) => i % 7 !== 0)
  for (const before of [undefined, packed(gone)])
    for (const fraction of [0, 0.25, 0.333, 0.9, 1]) {
      const weight = matrix(before)
      const pattern = { kind: 'unstructured', fraction } as const
      const result = await sparseGpt({ weight, moments: makers.own(), pattern, block: 7 })
      const wanted = Math.floor(fraction * rows * columns + 0.5)
      const already = before ? gone.filter((stays) => !stays).length : 0
      t.is(rows * columns - result.kept, Math.max(wanted, already), `${fraction}`)
      if (before) t.true(unpacked(result.bits, gone.length).every((stays, i) => gone[i] || !stays))
    }
  for (const [n, m] of [
    [1, 4],
    [3, 5],
    [4, 8],
  ] as const) {
    const result = await sparseGpt({ moments: makers.target(), pattern: { kind: 'nm', n, m }, block: 6 })
    const kept = unpacked(result.bits, rows * columns)
    for (let i = 0; i < kept.length; i++) {
      const first = (i % columns) - ((i % columns) % m)
      const group = kept.slice(i - (i % columns) + first).slice(0, Math.min(m, columns - first))
      t.is(group.filter(Boolean).length, group.length < m ? group.length : n)
    }
    t.is(result.tail, columns % m)
    t.true(result.errors.updated < result.errors.masked)
  }
})

test('moments describe what they were made of', (t) => {
  const described = addon().describeMoments(makers.target())
  t.like(described, { tokens, columns, rows })
  const sum = (a: Float32Array, width: number, i: number, b?: Float32Array, other = 1, j = 0) => {
    let total = 0
    for (let token = 0; token < tokens; token++)
      total += a[token * width + i]! * (b === undefined ? 1 : b[token * other + j]!)
    return total
  }
  const all = (width: number) => Array.from({ length: width }, (_, i) => i)
  equalWithin(
    t,
    described.sums,
    all(columns).map((i) => sum(given.inputs, columns, i)),
    1e-12,
    'sums',
  )
  const products = all(columns).flatMap((i) =>
    all(columns).map((j) => sum(given.inputs, columns, i, given.inputs, columns, j)),
  )
  equalWithin(t, described.products, products, 1e-6, 'products', [columns, columns])
  equalWithin(
    t,
    described.squares,
    all(columns).map((i) => products[i * (columns + 1)]!),
    1e-12,
    'squares',
  )
  const cross = all(rows).flatMap((i) =>
    all(columns).map((j) => sum(given.target, rows, i, given.inputs, columns, j)),
  )
  equalWithin(t, described.cross, cross, 1e-6, 'cross', [rows, columns])
  const bare = addon().describeMoments(addon().makeMoments({ inputs: given.inputs, tokens, full: false }))
  t.like(bare, { rows: 0, products: new Float32Array(0), cross: new Float32Array(0) })
})

const refused = async (
  t: ExecutionContext,
  call: () => Promise<unknown>,
  code: ErrorCode,
  sentence: RegExp,
) => {
  const error = await t.throwsAsync(call, { instanceOf: TwofourError })
  t.is(error.code, code)
  t.regex(error.message, sentence)
}

test('what too few tokens do not determine is refused by name where nothing is damped', async (t) => {
  const moments = addon().makeMoments({ inputs: given.inputs.slice(0, 5 * columns), tokens: 5, full: true })
  const sentence =
    /^5 tokens of calibration do not determine the 24 inputs of a matrix of \[12,24\]\. Calibrate on more/
  const pattern = { kind: 'nm', n: 2, m: 4 } as const
  await refused(t, () => sparseGpt({ moments, pattern, damping: 0 }), 'PRUNE_SINGULAR', sentence)
})

test('weights that are no finite numbers are refused', async (t) => {
  const broken = source(
    given.weight.map((value, i) => (i === 30 ? Number.NaN : value)),
    [rows, columns],
  )
  const pattern = { kind: 'nm', n: 2, m: 4 } as const
  const moments = makers.own()
  await refused(
    t,
    () => sparseGpt({ weight: broken, moments, pattern }),
    'PRUNE_NOT_FINITE',
    /^Element 30 of/,
  )
})

test('solvers stop when they are told to', async (t) => {
  const { weight, bias, moments } = made('F32', 24, 600, 900)
  const signal = AbortSignal.abort(new Error('enough'))
  const request = { weight, bias, moments, targetRow: 0, update: 'refit', damping: 0.01, threads: 1 } as const
  await t.throwsAsync(() => native((control) => addon().updateWeights(request, control), { signal }), {
    message: 'enough',
  })
  const controller = new AbortController()
  const running = native((control) => addon().updateWeights(request, control), { signal: controller.signal })
  controller.abort(new Error('no more'))
  await t.throwsAsync(running, { message: 'no more' })
})
