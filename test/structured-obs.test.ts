/** The order in which heads and neurons can be spared: against a transcription of its formulas, and as a score. */
import test from 'ava'
import type { StructuredObsRequest, WeightSource } from '../binding.js'
import { addon, native } from '../lib/addon.js'
import { Calibration } from '../lib/calibration/calibration.js'
import { Checkpoint } from '../lib/checkpoint/checkpoint.js'
import { keptHeads, keptInner } from '../lib/checkpoint/structure.js'
import { Encoder } from '../lib/encoder/encoder.js'
import { prune } from '../lib/pruning/prune.js'
import type { RecipeStep } from '../lib/pruning/recipe.js'
import { type MakeOptions, makeCheckpoint } from './make-checkpoint.js'
import { randomNumbers } from './random-numbers.js'

type Matrix = number[][]

const [tokens, rows, columns] = [80, 7, 12]

function random(count: number, seed: number): Float32Array {
  const next = randomNumbers(seed)
  return Float32Array.from({ length: count }, () => next() + next() + next() - 1.5)
}
/** Inputs that lean on one another. */
function correlated(seed: number): Float32Array {
  const own = random(tokens * columns, seed)
  return own.map(
    (x, i) => x + 0.7 * own[i - (i % columns) + ((i + 1) % columns)]! + (i % columns === 3 ? 2 : 0),
  )
}
function source(values: Float32Array, shape: number[]): WeightSource {
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  return { name: `a matrix of [${shape}]`, dtype: 'F32', shape, data }
}
const weights = random(rows * columns, 1)
const bias = random(rows, 2)
const matrix = { weight: source(weights, [rows, columns]), bias: source(bias, [rows]) }

const solve = (request: Partial<StructuredObsRequest> & Pick<StructuredObsRequest, 'moments' | 'group'>) => {
  const present = Int32Array.from({ length: columns / request.group }, (_, i) => i)
  const whole = { ...matrix, present, damping: 0.01, threads: 2, ...request }
  return native((control) => addon().structuredObs(whole, control))
}

function inverse(a: Matrix): Matrix {
  const n = a.length
  const work = a.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1 : 0))])
  for (let i = 0; i < n; i++) {
    const pivot = work[i]![i]!
    work[i] = work[i]!.map((value) => value / pivot)
    for (let k = 0; k < n; k++) {
      if (k === i) continue
      const factor = work[k]![i]!
      work[k] = work[k]!.map((value, j) => value - factor * work[i]![j]!)
    }
  }
  return work.map((row) => row.slice(n))
}
const times = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0]!.map((_, j) => row.reduce((sum, value, k) => sum + value * b[k]![j]!, 0)))
const minus = (a: Matrix, b: Matrix): Matrix => a.map((row, i) => row.map((value, j) => value - b[i]![j]!))
const part = (a: Matrix, across: readonly number[], along: readonly number[]): Matrix =>
  across.map((i) => along.map((j) => a[i]![j]!))
const range = (count: number) => Array.from({ length: count }, (_, i) => i)

/** The formulas as they are written, group by group. */
function transcribed(inputs: Float32Array, group: number, damping: number, targets?: Float32Array) {
  const means = range(columns).map(
    (j) => range(tokens).reduce((sum, t) => sum + inputs[t * columns + j]!, 0) / tokens,
  )
  const x = range(tokens).map((t) => range(columns).map((j) => inputs[t * columns + j]! - means[j]!))
  const c = times(
    range(columns).map((j) => x.map((row) => row[j]!)),
    x,
  )
  const shift = (damping * range(columns).reduce((sum, j) => sum + c[j]![j]!, 0)) / columns
  let h = inverse(c.map((row, i) => row.map((value, j) => value + (i === j ? shift : 0))))
  const stored = range(rows).map((r) => range(columns).map((j) => weights[r * columns + j]!))
  const outputs = range(tokens).map((t) =>
    range(rows).map((r) =>
      targets === undefined
        ? range(columns).reduce((sum, j) => sum + stored[r]![j]! * inputs[t * columns + j]!, 0)
        : targets[t * rows + r]! - bias[r]!,
    ),
  )
  const energy = outputs.flat().reduce((sum, y) => sum + y * y, 0)
  const mean = range(rows).map((r) => outputs.reduce((sum, row) => sum + row[r]!, 0) / tokens)
  const y = outputs.map((row) => row.map((value, r) => value - mean[r]!))
  const cross = times(
    range(rows).map((r) => y.map((row) => row[r]!)),
    x,
  )
  let w = stored
  if (targets !== undefined)
    w = times(
      cross.map((row, r) => row.map((value, j) => value + shift * stored[r]![j]!)),
      h,
    )
  const fitted = times(
    x,
    range(columns).map((j) => w.map((row) => row[j]!)),
  )
  let error = minus(fitted, y)
    .flat()
    .reduce((sum, value) => sum + value * value, 0)

  const left = range(columns / group)
  const order: number[] = []
  const errors: number[] = []
  const all = range(columns)
  while (left.length > 0) {
    const cost = (at: number) => {
      const s = range(group).map((i) => at * group + i)
      const own = part(w, range(rows), s)
      const middle = times(own, inverse(part(h, s, s)))
      return own.reduce(
        (sum, row, r) => sum + row.reduce((line, value, i) => line + value * middle[r]![i]!, 0),
        0,
      )
    }
    const costs = left.map(cost)
    const least = costs.indexOf(Math.min(...costs))
    const gone = left.splice(least, 1)[0]!
    const s = range(group).map((i) => gone * group + i)
    const rest = times(inverse(part(h, s, s)), part(h, s, all))
    w = minus(w, times(part(w, range(rows), s), rest))
    h = minus(h, times(part(h, all, s), rest))
    error += costs[least]!
    order.push(gone)
    errors.push(error / energy)
  }
  return { order, errors }
}

test('groups go in the order of the formulas, with their errors', async (t) => {
  for (const seed of [3, 4, 5]) {
    const inputs = correlated(seed)
    const moments = addon().makeMoments({ inputs, tokens, full: true })
    for (const group of [1, 2, 3, 4]) {
      const { order, errors } = await solve({ moments, group })
      const wanted = transcribed(inputs, group, 0.01)
      t.deepEqual([...order], wanted.order, `groups of ${group}`)
      for (const [at, error] of wanted.errors.entries()) t.true(Math.abs(errors[at]! / error - 1) < 1e-3)
    }
  }
})

test('with a target they begin with its ridge solution', async (t) => {
  const [inputs, targets] = [correlated(6), random(tokens * rows, 7)]
  const moments = addon().makeMoments({ inputs, tokens, targets, full: true })
  for (const group of [1, 4]) {
    const { order, errors } = await solve({ moments, group })
    const wanted = transcribed(inputs, group, 0.01, targets)
    t.deepEqual([...order], wanted.order)
    for (const [at, error] of wanted.errors.entries()) t.true(Math.abs(errors[at]! / error - 1) < 1e-3)
  }
})

test('what is left after an update is the error that the order says', async (t) => {
  const moments = addon().makeMoments({ inputs: correlated(8), tokens, full: true })
  const damping = 1e-6
  const { order, errors } = await solve({ moments, group: 2, damping })
  for (const count of [1, 3, 5]) {
    const gone = new Set([...order.slice(0, count)].flatMap((group) => [2 * group, 2 * group + 1]))
    const bits = new Uint8Array(Math.ceil((rows * columns) / 8))
    for (let i = 0; i < rows * columns; i++) if (!gone.has(i % columns)) bits[i >> 3]! |= 1 << (i & 7)
    const updated = await native((control) =>
      addon().updateWeights(
        {
          ...{ weight: { ...matrix.weight, bits }, bias: matrix.bias, moments, targetRow: 0 },
          ...{ update: 'refit', damping, threads: 1 },
        },
        control,
      ),
    )
    t.true(Math.abs(updated.errors.updated / errors[count - 1]! - 1) < 1e-3)
  }
})

test('many columns, put off and done together, go as one by one', async (t) => {
  const wide = 160
  const next = randomNumbers(9)
  const inputs = Float32Array.from({ length: 400 * wide }, () => next() - 0.5)
  const moments = addon().makeMoments({ inputs, tokens: 400, full: true })
  const numbers = random(9 * wide, 10)
  const request = {
    ...{ weight: source(numbers, [9, wide]), bias: source(new Float32Array(9), [9]), moments },
    ...{ group: 1, damping: 0.01 },
  }
  const present = Int32Array.from({ length: wide }, (_, i) => i)
  const whole = await solve({ ...request, present })
  t.is(new Set(whole.order).size, wide)
  t.true(whole.errors.every((error, at) => at === 0 || error >= whole.errors[at - 1]!))
  t.deepEqual(await solve({ ...request, present, threads: 1 }), whole)
  // From the middle on, on weights that make up for what is gone: the same order.
  const first = whole.order.slice(0, 70)
  const columnsGone = new Set(first)
  const bits = new Uint8Array((9 * wide) / 8)
  for (let i = 0; i < 9 * wide; i++) if (!columnsGone.has(i % wide)) bits[i >> 3]! |= 1 << (i & 7)
  const { weight } = await native((control) =>
    addon().updateWeights(
      {
        ...{ weight: { ...request.weight, bits }, bias: request.bias, moments, targetRow: 0 },
        ...{ update: 'refit', damping: 0.01, threads: 1 },
      },
      control,
    ),
  )
  const rest = await solve({
    ...{ ...request, weight: { ...request.weight, data: weight, bits } },
    present: present.filter((column) => !columnsGone.has(column)),
  })
  t.deepEqual([...rest.order.slice(0, 40)], [...whole.order.slice(70, 110)])
})

test('inputs that never change go first and cost nothing, and inputs that are not determined need damping', async (t) => {
  const inputs = correlated(11).map((x, i) => (i % columns === 5 ? 3 : x))
  const moments = addon().makeMoments({ inputs, tokens, full: true })
  for (const damping of [0, 0.01]) {
    const { order, errors } = await solve({ moments, group: 1, damping })
    t.is(order[0], 5)
    t.is(errors[0], 0)
    t.true(errors.at(-1)! > 0)
  }
  const few = addon().makeMoments({ inputs: inputs.slice(0, 5 * columns), tokens: 5, full: true })
  await t.throwsAsync(solve({ moments: few, group: 1, damping: 0 }), { code: 'PRUNE_SINGULAR' })
})

type Ids = readonly number[][]
function someIds(count: number, seed: number): Ids {
  const next = randomNumbers(seed)
  const word = () => 2 + Math.floor(next() ** 3 * 62)
  return Array.from({ length: count }, () => Array.from({ length: 5 + Math.floor(next() * 25) }, word))
}

async function calibrated(options: MakeOptions = {}) {
  const base = await Checkpoint.open(await makeCheckpoint(options))
  const calibration = await Calibration.fromIds(base, someIds(60, 11))
  const run = async (...steps: readonly RecipeStep[]) => {
    const reads = steps.some((step) => 'score' in step && step.score === 'obs')
    const plan = await prune(base, { steps }, reads ? { calibration } : {})
    return { plan, after: await plan.apply(base), report: plan.summary().steps.at(-1)! }
  }
  return { base, run }
}

async function errorOf(checkpoint: Checkpoint, base: Checkpoint): Promise<number> {
  const states = async (of: Checkpoint) => {
    const encoder = await Encoder.load(of, { device: 'cpu', sparsity: 'off' })
    const { lastHiddenState } = await encoder.run(someIds(20, 12), { outputs: ['lastHiddenState'] })
    encoder.dispose()
    return lastHiddenState!
  }
  const [got, wanted] = [await states(checkpoint), await states(base)]
  return got.reduce((sum, value, at) => sum + (value - wanted[at]!) ** 2, 0)
}

test('obs takes exactly as many neurons and heads as it is told, and beats norms', async (t) => {
  const { base, run } = await calibrated({ inner: 64, layers: 3 })
  const left = ({ decision }: Checkpoint) => {
    const sets = [0, 1, 2]
    const sum = (count: (set: number) => number) => sets.reduce((total, set) => total + count(set), 0)
    return {
      neurons: sum((set) => keptInner(base.base, decision!, set)),
      heads: sum((set) => keptHeads(base.base, decision!, set).length),
    }
  }
  for (const pattern of ['neurons', 'heads'] as const) {
    const there = pattern === 'neurons' ? 3 * 64 : 3 * 4
    for (const remove of [1, there / 4, there / 2, there]) {
      const { after, report } = await run({ pattern, score: 'obs', remove } as RecipeStep)
      t.is(left(after)[pattern], there - remove)
      t.is(report.removed, remove)
      if (remove < there / 4) continue
      const norms = await errorOf((await run({ pattern, remove } as RecipeStep)).after, base)
      t.true((await errorOf(after, base)) < norms, `${remove} ${pattern}`)
    }
  }
  const { after } = await run({ pattern: 'neurons', score: 'obs', fraction: 0.25 })
  for (const set of [0, 1, 2]) t.is(keptInner(base.base, after.decision!, set), 48)
})

test('obs updates what stays unless it is told not to, and says what went', async (t) => {
  const { base, run } = await calibrated({ inner: 64 })
  const step = { pattern: 'neurons', score: 'obs', remove: 40 } as const
  const refitted = await run(step)
  const plain = await run({ ...step, update: 'none' })
  t.deepEqual(plain.after.decision!.neurons, refitted.after.decision!.neurons)
  t.is(plain.after.decision!.values.size, 0)
  t.true((await errorOf(refitted.after, base)) < (await errorOf(plain.after, base)))
  for (const { errors } of refitted.report.linears!) t.true(errors!.updated < errors!.masked)
  for (const { weights: set, units, scores } of refitted.report.scores!) {
    t.is(units.length, 64)
    const kept = new Set(refitted.after.decision!.neurons.get(set) ?? units)
    const highest = Math.max(...units.map((unit, at) => (kept.has(unit) ? 0 : scores[at]!)))
    t.true(units.every((unit, at) => !kept.has(unit) || scores[at]! >= highest))
  }
})

test('obs goes on from heads that are gone, and sums over layers that share weights', async (t) => {
  const { run } = await calibrated()
  const { after, report } = await run(
    { pattern: 'heads', list: { '0': [1] } },
    { pattern: 'heads', score: 'obs', remove: 3, minimum: 1 },
  )
  t.is(report.removed, 3)
  t.false(report.scores![0]!.units.includes(1))
  t.false(after.decision!.heads.get(0)!.includes(1))

  const shared = await calibrated({ family: 'albert', inner: 64 })
  const once = await shared.run({ pattern: 'neurons', score: 'obs', remove: 32 })
  t.is(once.report.scores!.length, 1)
  const norms = await shared.run({ pattern: 'neurons', remove: 32 })
  t.true((await errorOf(once.after, shared.base)) < (await errorOf(norms.after, shared.base)))
})
