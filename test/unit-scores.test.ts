/**
 * Scores of heads and neurons against transcriptions of their formulas, over derivatives and losses of the binding or by
 * brute force; how many go, in which order, and what becomes of the linears that read the others.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { GradientResult, Loss } from '../binding.js'
import { Calibration } from '../lib/calibration/calibration.js'
import type { CalibrationLabels } from '../lib/calibration/labels.js'
import { Checkpoint } from '../lib/checkpoint/checkpoint.js'
import { keptWeightSets } from '../lib/checkpoint/structure.js'
import { packBatch } from '../lib/encoder/batch.js'
import type { StepReport } from '../lib/pruning/pattern.js'
import { Plan } from '../lib/pruning/plan.js'
import { checkReport } from '../lib/pruning/plan-report-json.js'
import { prune } from '../lib/pruning/prune.js'
import { normalizeRecipe, type RecipeStep } from '../lib/pruning/recipe.js'
import { softSubset } from '../lib/pruning/unit-scores/soft-subset.js'
import { Differentiable } from './differentiable.js'
import { equalExactly, equalWithin } from './equal.js'
import { type MakeOptions, madeHeads, makeCheckpoint } from './make-checkpoint.js'
import { difference, newDirectory, outputsOf, savedAndOpened } from './pruned-weights.js'
import { randomNumbers } from './random-numbers.js'

const classifier = { head: 'ForSequenceClassification' } as const

/** Calibration data of random sequences, with labels of a kind. */
function examples(base: Checkpoint, kind: CalibrationLabels['kind'] | null, count = 12): Calibration {
  const next = randomNumbers(5)
  const below = (most: number) => Math.floor(next() * most)
  const sequences = Array.from({ length: count }, () => Array.from({ length: 3 + below(9) }, () => below(64)))
  const batch = packBatch(sequences, base.spec)
  const rows = kind === 'classes' ? count : batch.ids.length
  const width = base.spec.head?.labels ?? 1
  const labels = (): CalibrationLabels => {
    if (kind === 'scores') return { kind, scores: Float64Array.from({ length: count / 2 }, () => 5 * next()) }
    const places = () => Int32Array.from(sequences, ({ length }) => below(length))
    if (kind === 'spans') return { kind, starts: places(), ends: places() }
    return { kind: kind!, labels: Int32Array.from({ length: rows }, () => below(width)) }
  }
  const digests = sequences.map((sequence) => [sequence.join()])
  return new Calibration(
    { batch, labels: kind === null ? null : labels(), digests, truncated: 0, notes: [] },
    null,
  )
}

/** A tiny model, its data, and pruning it by one step. */
async function made(options: MakeOptions = {}, kind: CalibrationLabels['kind'] | null = null) {
  const base = await Checkpoint.open(await makeCheckpoint(options))
  const calibration = examples(base, kind)
  const run = async (steps: readonly RecipeStep[], more: { seed?: number; signal?: AbortSignal } = {}) => {
    const { seed = 0, ...rest } = more
    const plan = await prune(base, { steps, seed }, { calibration, ...rest })
    return { plan, after: await plan.apply(base), report: plan.summary().steps.at(-1)! }
  }
  return { base, calibration, run }
}

const classes = () => made({ ...classifier, layers: 3 }, 'classes')

/** Scores of a report, one after another. */
const valuesOf = ({ scores }: StepReport) => scores!.flatMap((set) => set.scores)

/** Units that a report has scores of and a checkpoint has not, as `set index`. */
function goneOf(after: Checkpoint, { unit }: StepReport): string[] {
  return [...keptWeightSets(after.base, after.decision)].flatMap((set) => {
    const { heads, inner } = after.base.layers.find(({ weights }) => weights === set)!
    const { decision } = after
    const all = unit === 'heads' ? [...heads] : Array.from({ length: inner }, (_, index) => index)
    const kept = unit === 'heads' ? decision!.heads.get(set) : decision!.neurons.get(set)
    const there = new Set<number>(kept ?? all)
    return all.filter((index) => !there.has(index)).map((index) => `${set} ${index}`)
  })
}

/** The `count` lowest of a report's scores (or highest), of equal ones the later. */
function lowest({ scores }: StepReport, count: number, sign = 1): string[] {
  const all = scores!.flatMap(({ weights, units, scores: values }) =>
    units.map((index, at) => ({ name: `${weights} ${index}`, value: sign * values[at]! })),
  )
  return all
    .toReversed()
    .toSorted((a, b) => a.value - b.value)
    .slice(0, count)
    .map(({ name }) => name)
}

/** Derivatives by gates through the binding, all examples in rows. */
async function derivatives(base: Checkpoint, calibration: Calibration, loss: Loss, batches?: Int32Array) {
  const model = await Differentiable.load(base)
  const { ids, types, offsets } = calibration
  const asked = { ids, types, offsets, loss, heads: true, neurons: true, rows: true }
  try {
    return await model.gradients(batches === undefined ? asked : { ...asked, batches })
  } finally {
    model.dispose()
  }
}

const labelsOf = ({ labels }: Calibration): Loss => {
  if (labels?.kind !== 'classes') throw new Error('expected classes')
  return { kind: 'crossEntropy', labels: labels.labels }
}

/** Σ over rows of a function of what stands there, for each unit. */
function over(rows: Float32Array, units: number, value: (x: number) => number): number[] {
  return Array.from({ length: units }, (_, unit) =>
    rows.reduce((sum, x, at) => (at % units === unit ? sum + value(x) : sum), 0),
  )
}

const normalised = (values: readonly number[], width: number) =>
  values.map((value, at) => {
    const first = at - (at % width)
    return value / Math.hypot(...values.slice(first, first + width))
  })

function equalScores(t: ExecutionContext, report: StepReport, wanted: readonly number[], what: string) {
  const got = valuesOf(report)
  const largest = Math.max(...wanted.map(Math.abs))
  t.true(largest > 0, what)
  equalWithin(
    t,
    got.map((x) => x / largest),
    wanted.map((x) => x / largest),
    1e-4,
    what,
  )
}

test('gradient is the size of derivatives by example, of each layer over its norm', async (t) => {
  const { base, calibration, run } = await classes()
  const { heads, neurons } = await derivatives(base, calibration, labelsOf(calibration))
  const { report, after } = await run([{ pattern: 'heads', score: 'gradient', remove: 5 }])
  equalScores(t, report, normalised(over(heads!.examples!, 12, Math.abs), 4), 'heads')
  t.deepEqual(goneOf(after, report).toSorted(), lowest(report, 5).toSorted())
  t.regex(report.notes![0]!, /cross-entropy of the data's labels/)
  t.is(report.calibration!.digest, calibration.digest)

  const step = { pattern: 'neurons', score: 'gradient', normalise: 'none', remove: 30 } as const
  const wide = await run([step])
  const mean = over(neurons!.examples!, 144, (x) => Math.abs(x) / calibration.examples)
  equalScores(t, wide.report, mean, 'neurons')
  t.deepEqual(goneOf(wide.after, wide.report).toSorted(), lowest(wide.report, 30).toSorted())
})

test('the other estimators take sizes by token and by minibatch', async (t) => {
  const { base, calibration, run } = await classes()
  const batches = Int32Array.of(0, 4, 8, 12)
  const { heads } = await derivatives(base, calibration, labelsOf(calibration), batches)
  const raw = { pattern: 'heads', score: 'gradient', normalise: 'none', remove: 1 } as const
  const mean = (values: Iterable<number>) => Array.from(values, (x) => x / 12)
  const token = await run([{ ...raw, estimator: 'token' }])
  equalScores(t, token.report, mean(heads!.perToken), 'token')
  const batch = await run([{ ...raw, estimator: 'batch', batch: 4 }])
  equalScores(t, batch.report, mean(over(heads!.batches!, 12, Math.abs)), 'batch')
})

test('fisher is the sum of squared derivatives, by example or by minibatch', async (t) => {
  const { base, calibration, run } = await classes()
  const batches = Int32Array.of(0, 6, 12)
  const { heads, neurons } = await derivatives(base, calibration, labelsOf(calibration), batches)
  const square = (x: number) => x ** 2 / 12
  const { report } = await run([{ pattern: 'heads', score: 'fisher', remove: 2 }])
  equalScores(t, report, over(heads!.examples!, 12, square), 'heads')
  const batch = await run([
    { pattern: 'neurons', score: 'fisher', estimator: 'batch', batch: 6, fraction: 0.5 },
  ])
  equalScores(t, batch.report, over(neurons!.batches!, 144, square), 'neurons')
})

test('where layers share weights, derivatives are summed over them before their size is taken', async (t) => {
  const { base, calibration, run } = await made({ ...classifier, family: 'albert', layers: 3 }, 'classes')
  const { heads } = (await derivatives(base, calibration, labelsOf(calibration))) as Required<GradientResult>
  const summed = heads.examples!.reduce((rows, x, at) => {
    rows[4 * Math.floor(at / 12) + (at % 4)]! += x
    return rows
  }, new Float32Array(48))
  const step = { pattern: 'heads', score: 'fisher', remove: 2 } as const
  const { report, after } = await run([step])
  equalScores(
    t,
    report,
    over(summed, 4, (x) => x ** 2 / 12),
    'shared',
  )
  t.deepEqual(
    after.spec.layers.map((layer) => layer.heads.length),
    [2, 2, 2],
  )
})

/** The mean loss of a checkpoint over calibration data. */
async function lossOf(checkpoint: Checkpoint, { ids, types, offsets, examples }: Calibration, loss: Loss) {
  const model = await Differentiable.load(checkpoint)
  try {
    return (await model.loss({ ids, types, offsets, loss })) / examples
  } finally {
    model.dispose()
  }
}

async function withoutHead(base: Checkpoint, layer: number, head: number): Promise<Checkpoint> {
  const plan = await prune(base, { steps: [{ pattern: 'heads', list: { [layer]: [head] } }] })
  return plan.apply(base)
}

for (const family of ['bert', 'albert'] as const) {
  test(`ablation is what the loss of ${family} gains when one head is removed`, async (t) => {
    const { base, calibration, run } = await made({ ...classifier, family }, 'classes')
    const { report } = await run([{ pattern: 'heads', score: 'ablation', remove: 3 }])
    const loss = labelsOf(calibration)
    const whole = await lossOf(base, calibration, loss)
    const wanted: number[] = []
    for (const { weights, units } of report.scores!) {
      for (const head of units) {
        wanted.push((await lossOf(await withoutHead(base, weights, head), calibration, loss)) - whole)
      }
    }
    t.is(wanted.length, family === 'albert' ? 4 : 8)
    equalScores(t, report, wanted, family)
  })
}

test('similarity is the divergence of neighbourhoods of sentences, with the head and without', async (t) => {
  const { base, calibration, run } = await made()
  const { report } = await run([{ pattern: 'heads', score: 'similarity', batch: 6, remove: 3 }])
  const vectors = async (checkpoint: Checkpoint) => {
    const model = await Differentiable.load(checkpoint)
    const { ids, types, offsets } = calibration
    const out = await model.tap({ ids, types, offsets, layer: 0, what: 'sentence', pooling: 'mean' })
    model.dispose()
    return Array.from({ length: 12 }, (_, at) => [...out.subarray(32 * at, 32 * (at + 1))])
  }
  const neighbours = (all: number[][]) => {
    const mean = all[0]!.map((_, i) => all.reduce((sum, row) => sum + row[i]!, 0) / all.length)
    const units = all.map((row) => {
      const less = row.map((x, i) => x - mean[i]!)
      return less.map((x) => x / Math.hypot(...less))
    })
    return units.map((row, at) => {
      const others = units.filter((_, other) => other !== at)
      const weights = others.map((other) => Math.exp(10 * other.reduce((sum, x, i) => sum + x * row[i]!, 0)))
      const total = weights.reduce((sum, weight) => sum + weight, 0)
      return weights.map((weight) => weight / total)
    })
  }
  const before = await vectors(base)
  const wanted: number[] = []
  for (const [layer, head] of [0, 1].flatMap((at) => [0, 1, 2, 3].map((index) => [at, index] as const))) {
    const now = await vectors(await withoutHead(base, layer, head))
    let sum = 0
    for (const first of [0, 6]) {
      const [p, q] = [before, now].map((all) => neighbours(all.slice(first, first + 6)))
      for (const [row, chances] of p!.entries())
        for (const [at, chance] of chances.entries()) sum += (chance * Math.log(chance / q![row]![at]!)) / 6
    }
    wanted.push(sum / 12)
  }
  equalScores(t, report, wanted, 'similarity')
  t.true(valuesOf(report).every((value) => value > 0))

  const slopes = await run([{ pattern: 'heads', score: 'similarity', by: 'gradient', batch: 6, remove: 3 }])
  const same = lowest(slopes.report, 4).filter((head) => lowest(report, 4).includes(head))
  t.true(same.length > 2)
  const neurons = await run([{ pattern: 'neurons', score: 'similarity', remove: 9 }])
  t.is(neurons.report.removed, 9)
})

test('without labels and without a head, derivatives are those of cosines of pairs', async (t) => {
  const { base, calibration, run } = await made()
  const pairs = (target: number): Loss => ({
    ...{ kind: 'cosine', pooling: 'mean' },
    targets: new Float32Array(6).fill(target),
  })
  const { heads, losses } = await derivatives(base, calibration, pairs(-1))
  // d (cos + 1)² = 2 (cos + 1) d cos
  const cosines = heads!.examples!.map((x, at) => x / (2 * Math.sqrt(losses[Math.floor(at / 8)]!)))
  const { report } = await run([{ pattern: 'heads', score: 'fisher', remove: 2 }])
  equalScores(
    t,
    report,
    over(cosines, 8, (x) => (2 * x) ** 2 / 6),
    'cosines',
  )
  t.regex(report.notes![0]!, /the model's own cosines of consecutive sequences/)
})

test('rounds are steps one after another, and the count is exact', async (t) => {
  const { run } = await classes()
  for (const step of [
    { pattern: 'heads', score: 'gradient', remove: 6, minimum: 1 },
    { pattern: 'heads', score: 'ablation', remove: 6 },
    { pattern: 'neurons', score: 'fisher', remove: 30 },
  ] as const) {
    const third = { ...step, remove: step.remove / 3 }
    const { after, report } = await run([{ ...step, rounds: 3 }])
    const { after: wanted } = await run([third, third, third])
    t.deepEqual(after.decision!.heads, wanted.decision!.heads, step.score)
    t.deepEqual(after.decision!.neurons, wanted.decision!.neurons, step.score)
    t.is(report.removed, step.remove)
    const rounds = report.scores!.flatMap((set) => set.rounds!)
    for (const round of [1, 2, 3]) t.is(rounds.filter((at) => at === round).length, step.remove / 3)
  }
  const each = { pattern: 'neurons', score: 'gradient', fraction: 0.3, per: 'layer', rounds: 4 } as const
  const { after } = await run([each])
  t.deepEqual(
    after.spec.layers.map(({ inner }) => inner),
    [34, 34, 34],
  )
  const many = await run([{ pattern: 'heads', score: 'gradient', remove: 2, rounds: 7 }])
  t.is(many.report.removed, 2)
})

const every: readonly RecipeStep[] = [
  { pattern: 'heads', score: 'headNorm', remove: 5 },
  { pattern: 'heads', score: 'magnitude', remove: 5 },
  { pattern: 'heads', score: 'random', remove: 5 },
  { pattern: 'heads', score: 'gradient', remove: 5 },
  { pattern: 'heads', score: 'fisher', remove: 5 },
  { pattern: 'heads', score: 'ablation', remove: 5 },
  { pattern: 'heads', score: 'similarity', remove: 5 },
  { pattern: 'heads', score: 'similarity', by: 'gradient', remove: 5 },
  { pattern: 'heads', score: 'subset', steps: 5, batch: 4, remove: 5 },
  { pattern: 'heads', score: 'hardConcrete', steps: 5, batch: 4, remove: 5 },
  { pattern: 'neurons', score: 'magnitude', remove: 20 },
  { pattern: 'neurons', score: 'random', remove: 20 },
  { pattern: 'neurons', score: 'gradient', remove: 20 },
  { pattern: 'neurons', score: 'fisher', remove: 20 },
  { pattern: 'neurons', score: 'hardConcrete', steps: 5, batch: 4, remove: 20 },
]

/** Runs a step with the calibration data, where the step reads some. */
async function alone(base: Checkpoint, calibration: Calibration, step: RecipeStep, seed = 0) {
  const plain = 'score' in step && ['headNorm', 'magnitude', 'random'].includes(step.score!)
  const plan = await prune(base, { steps: [step], seed }, plain ? {} : { calibration })
  return { plan, after: await plan.apply(base), report: plan.summary().steps[0]! }
}

test('every score removes exactly as many as it is told: its lowest, or its highest reversed', async (t) => {
  const { base, calibration } = await classes()
  for (const step of every) {
    const what = JSON.stringify(step)
    const { remove } = step as { remove: number }
    const { after, report } = await alone(base, calibration, step)
    t.is(report.removed, remove, what)
    t.deepEqual(goneOf(after, report).toSorted(), lowest(report, remove).toSorted(), what)
    const other = await alone(base, calibration, { ...step, reverse: true } as RecipeStep)
    if ('score' in step && step.score !== 'subset') t.deepEqual(other.report.scores, report.scores, what)
    t.deepEqual(
      goneOf(other.after, other.report).toSorted(),
      lowest(other.report, remove, -1).toSorted(),
      what,
    )
  }
})

test('the same seed makes the same plan, another one another where there is chance', async (t) => {
  const { base, calibration } = await classes()
  for (const step of every) {
    const [a, b, other] = await Promise.all([3, 3, 4].map((seed) => alone(base, calibration, step, seed)))
    t.deepEqual(a!.plan.summary(), b!.plan.summary())
    const chance =
      'score' in step && (['random', 'subset', 'hardConcrete'].includes(step.score!) || 'by' in step)
    t.is(valuesOf(a!.report).join() !== valuesOf(other!.report).join(), chance, JSON.stringify(step))
  }
  const sampled: RecipeStep = { pattern: 'heads', score: 'fisher', loss: 'fisher', remove: 1 }
  const [a, b] = await Promise.all([3, 4].map((seed) => alone(base, calibration, sampled, seed)))
  t.notDeepEqual(a!.report.scores, b!.report.scores)
})

test('what goes is gone: a removed model is the masked one', async (t) => {
  for (const family of ['bert', 'albert', 'distilbert', 'mpnet'] as const) {
    const { run } = await made({ family, ...classifier, layers: 3 }, 'classes')
    const { after } = await run([
      { pattern: 'heads', score: 'gradient', remove: 3, update: 'refit' },
      { pattern: 'neurons', score: 'fisher', fraction: 0.5, update: 'bias' },
    ])
    const [masked, removed] = [await savedAndOpened(after, 'masked'), await savedAndOpened(after, 'removed')]
    t.true(difference(await outputsOf(removed), await outputsOf(masked)) < 1e-5, family)
  }
})

test('every head has losses with labels and without', async (t) => {
  const kinds = [null, 'classes', 'tokens', 'spans', 'masked'] as const
  for (const [at, head] of madeHeads.entries()) {
    const { base, calibration } = await made({ head }, kinds[at]!)
    const scores = ['labels', 'pseudo', 'fisher', 'auto'] as const
    for (const loss of scores.slice(kinds[at] === null ? 2 : 0)) {
      const step: RecipeStep = { pattern: 'heads', score: 'gradient', loss, remove: 3 }
      const { report } = await alone(base, calibration, step)
      t.true(
        valuesOf(report).some((value) => value > 0),
        `${head} ${loss}`,
      )
    }
    const dense = { pattern: 'heads', score: 'ablation', loss: 'dense', remove: 3 } as const
    const { report } = await alone(base, calibration, dense)
    t.true(
      valuesOf(report).every((value) => value > 0),
      head,
    )
  }
  const { run } = await made({ ...classifier, labels: 1 })
  for (const loss of ['fisher', 'dense'] as const) {
    const { report } = await run([{ pattern: 'heads', score: 'gradient', loss, rounds: 2, remove: 3 }])
    t.true(Math.max(...valuesOf(report)) > 0, `regression ${loss}`)
  }
  const pairs = await made({}, 'scores')
  const { report } = await pairs.run([{ pattern: 'heads', score: 'gradient', remove: 3 }])
  t.regex(report.notes![0]!, /pairs' cosines from their scores/)
})

test('distances from the dense model rank from the second round on', async (t) => {
  const { run } = await classes()
  const { report } = await run([{ pattern: 'heads', score: 'gradient', loss: 'dense', rounds: 2, remove: 4 }])
  t.is(report.removed, 4)
  t.regex(report.notes!.join(' '), /divergence from the dense model's labels.*first round.*probabilities/)
})

test('a soft subset is as large as it should be, differentiable, and in the end the highest', (t) => {
  const next = randomNumbers(3)
  const numbers = (scale: number) => Float64Array.from({ length: 9 }, () => scale * (next() - 0.5))
  const logits = numbers(4)
  for (const temperature of [1000, 1, 0.2]) {
    const direction = numbers(1)
    const { gates, backward } = softSubset(logits, 4, temperature)
    t.true(Math.abs(gates.reduce((sum, gate) => sum + gate, 0) - 4) < 1e-5)
    const along = (at: Float64Array) =>
      softSubset(at, 4, temperature).gates.reduce((sum, gate, unit) => sum + gate * direction[unit]!, 0)
    const step = 0.02 * Math.max(1, temperature)
    const slopes = logits.map((_, unit) => {
      const moved = [step, -step].map((by) => along(logits.with(unit, logits[unit]! + by)))
      return (moved[0]! - moved[1]!) / (2 * step)
    })
    const largest = Math.max(...slopes.map(Math.abs))
    equalWithin(
      t,
      backward(direction).map((x) => x / largest),
      slopes.map((x) => x / largest),
      1e-2,
      `${temperature}`,
    )
  }
  const highest = logits.toSorted().at(-4)!
  const hard = softSubset(logits, 4, 1e-8)
  equalExactly(
    t,
    hard.gates,
    logits.map((logit) => (logit >= highest ? 1 : 0)),
    'hard',
  )
  t.true(hard.backward(numbers(1)).every(Number.isFinite))
})

test('gates that are learned find better subsets than their reverse', async (t) => {
  const { base, calibration } = await classes()
  for (const score of ['subset', 'hardConcrete'] as const) {
    const step: RecipeStep = { pattern: 'heads', score, loss: 'dense', steps: 40, batch: 6, remove: 6 }
    const { after } = await alone(base, calibration, step)
    const back = await alone(base, calibration, { ...step, reverse: true })
    const dense = await outputsOf(base)
    t.true(difference(await outputsOf(after), dense) < difference(await outputsOf(back.after), dense), score)
  }
})

const rows = [0, 1].flatMap((layer) =>
  [0, 1, 2, 3].map((head) => [layer, head, (20 * layer + 5 * head + 3) % 8]),
)

test('a ranking from elsewhere is followed: as numbers, as an order, from a file', async (t) => {
  const { base } = await made()
  const order = rows.toSorted((a, b) => a[2]! - b[2]!).map(([layer, head]) => [layer!, head!])
  const file = join(await newDirectory(), 'ranking.json')
  await writeFile(file, JSON.stringify({ heads: rows }))
  for (const ranking of [{ heads: rows }, { order }, file]) {
    const step = { pattern: 'heads', score: 'ranking', remove: 3, ranking } as const
    const plan = await prune(base, { steps: [step] })
    const after = await plan.apply(base)
    const gone = order.slice(0, 3).map((pair) => pair.join(' '))
    t.deepEqual(goneOf(after, plan.summary().steps[0]!), gone.toSorted())
    t.deepEqual(plan.recipe.steps[0], { ...plan.recipe.steps[0], ranking } as never)
  }
  const some = await prune(base, {
    steps: [
      { pattern: 'heads', list: { 1: [2] } },
      {
        ...{ pattern: 'heads', score: 'ranking', remove: 1, layers: [1] },
        ranking: { heads: rows.filter(([layer]) => layer === 1) },
      },
    ],
  })
  t.deepEqual(some.summary().steps[1]!.scores![0]!.units, [0, 1, 3])
})

test('a ranking that is not of the units of the step is refused, naming what is wrong', async (t) => {
  const { base } = await made()
  const albert = await made({ family: 'albert' })
  const run = (ranking: unknown, from = base) =>
    prune(from, { steps: [{ pattern: 'heads', score: 'ranking', remove: 1, ranking } as RecipeStep] })
  const cases: [unknown, RegExp, Checkpoint?][] = [
    [undefined, /`recipe.steps\[0\].ranking` to be an object/],
    [{ haeds: rows }, /Unknown key `haeds`.*Did you mean `heads`/],
    [{}, /`recipe.steps\[0\].ranking` to be an object with `heads`/],
    [{ heads: rows, order: [] }, /to be an object with `heads`/],
    [{ heads: [[0, 1]] }, /`recipe.steps\[0\].ranking.heads\[0\]` to be \[layer, index, score\]/],
    [{ heads: [[0, 1, Number.NaN]] }, /all of them numbers/],
    [{ order: [[0, 0.5]] }, /order\[0\]\[1\]` to be a whole number/],
    [{ heads: rows.slice(2) }, /to name all heads of the step, got none for head 0 of layer 0 and 1 more/],
    [{ heads: [...rows, [1, 3, 0]] }, /to name each unit once, got head 3 of layer 1 twice/],
    [{ heads: [...rows, [2, 0, 0]] }, /to name heads that the model has, got head 0 of layer 2/],
    [{ heads: [...rows, [1, 4, 0]] }, /got head 4 of layer 1/],
    [{ heads: rows }, /head 0 of layer 1 twice/, albert.base],
  ]
  for (const [ranking, message, from] of cases) await t.throwsAsync(run(ranking, from), { message })
  await t.throwsAsync(run('/no/such.json'), { code: 'FILE_NOT_FOUND' })
  const file = join(await newDirectory(), 'ranking.json')
  await writeFile(file, JSON.stringify({ heads: rows.slice(1) }))
  await t.throwsAsync(run(file), { code: 'DATA_INVALID', message: /ranking.json.*got none for head 0/ })
})

/** Squared distance of the outputs on the calibration data from those of the dense model. */
async function errorOf(checkpoint: Checkpoint, base: Checkpoint, { ids, types, offsets }: Calibration) {
  const states = async (from: Checkpoint) => {
    const model = await Differentiable.load(from)
    const layer = from.spec.layers.length - 1
    const out = await model.tap({ ids, types, offsets, layer, what: 'hidden' })
    model.dispose()
    return out
  }
  const [got, wanted] = [await states(checkpoint), await states(base)]
  return got.reduce((sum, x, at) => sum + (x - wanted[at]!) ** 2, 0)
}

test('updates bring the outputs nearer to what they were, refit more than bias', async (t) => {
  const { base, calibration, run } = await made({ layers: 3 })
  for (const step of [
    { pattern: 'heads', score: 'gradient', remove: 4, minimum: 1 },
    { pattern: 'neurons', score: 'fisher', fraction: 0.5 },
    { pattern: 'neurons', score: 'gradient', fraction: 0.4, per: 'global', rounds: 2 },
  ] as const) {
    const errors: number[] = []
    for (const update of ['none', 'bias', 'refit'] as const) {
      const { after, report } = await run([{ ...step, update }])
      errors.push(await errorOf(after, base, calibration))
      if (update === 'none') continue
      const lost = new Set(goneOf(after, report).map((unit) => unit.split(' ')[0]))
      t.is(report.linears!.length, lost.size)
      for (const { errors: linear, slot } of report.linears!) {
        t.regex(slot, step.pattern === 'heads' ? /attentionOutput\.weight$/ : /ffnOut\.weight$/)
        t.true(linear!.updated < linear!.masked, `${slot} ${update}`)
      }
    }
    t.true(errors[2]! < errors[1]! && errors[1]! < errors[0]!, `${JSON.stringify(step)}: ${errors}`)
  }
})

test('updates follow scores that read no data, other updates, and a layer that loses everything', async (t) => {
  const { base, run } = await made({ layers: 3 })
  const { after, report } = await run([
    { pattern: '2:4', score: 'wanda', update: 'refit' },
    { pattern: 'heads', score: 'headNorm', layers: [1], remove: 4, update: 'refit' },
    { pattern: 'neurons', score: 'magnitude', layers: [0], fraction: 1, update: 'bias', target: 'own' },
  ])
  t.deepEqual(
    after.spec.layers.map(({ heads, inner }) => [heads.length, inner]),
    [
      [4, 0],
      [0, 48],
      [4, 48],
    ],
  )
  t.is(report.linears!.length, 1)
  t.true((await outputsOf(after)).every(Number.isFinite))
  const masked = await savedAndOpened(after, 'masked')
  t.true(difference(await outputsOf(masked), await outputsOf(after)) < 1e-5)
  t.is(base.decision, null)
})

test('updates of weights that layers share aim at what those gave before', async (t) => {
  const { base, calibration, run } = await made({ family: 'albert', layers: 3 })
  const step = { pattern: 'neurons', score: 'gradient', fraction: 0.5 } as const
  const { after, report, plan } = await run([{ ...step, update: 'refit' }])
  t.like(plan.recipe.steps[0], { target: 'own', damping: 'auto' })
  t.is(report.linears!.length, 1)
  t.regex(report.notes!.join(' '), /Layers share weights/)
  const plain = await run([step])
  t.true((await errorOf(after, base, calibration)) < (await errorOf(plain.after, base, calibration)))
})

test('a plan keeps the scores and says them again when it is opened', async (t) => {
  const { run } = await classes()
  const { plan } = await run([{ pattern: 'heads', score: 'gradient', rounds: 2, remove: 3, update: 'bias' }])
  const path = join(await newDirectory(), 'plan.safetensors')
  await plan.save(path)
  const opened = await Plan.open(path)
  t.deepEqual(opened.summary(), plan.summary())
  t.deepEqual(opened.recipe, plan.recipe)
  const scores = plan.summary().steps[0]!.scores!
  t.deepEqual(
    scores.map(({ weights, units }) => [weights, units.length]),
    [
      [0, 4],
      [1, 4],
      [2, 4],
    ],
  )
})

test('scores in a plan file that do not hold together are refused', (t) => {
  const report = (scores: object) => ({
    pattern: 'heads',
    unit: 'heads',
    of: 4,
    removed: 1,
    scores: [scores],
  })
  const whole = { weights: 0, units: [0, 2], scores: [0.5, -1], rounds: [1, 0] }
  t.deepEqual(checkReport('step', report(whole)).scores, [whole])
  const cases: [object, RegExp][] = [
    [{ ...whole, units: [2, 0] }, /`step.scores\[0\].units\[1\]`/],
    [{ ...whole, scores: [1] }, /`step.scores\[0\].scores` to be 2 long, as `units`, got 1/],
    [{ ...whole, scores: [1, null] }, /`step.scores\[0\].scores\[1\]` to be a number/],
    [{ ...whole, rounds: [1, 0.5] }, /`step.scores\[0\].rounds\[1\]` to be a whole number/],
    [{ ...whole, heads: [] }, /Unknown key `heads`/],
  ]
  for (const [scores, message] of cases) t.throws(() => checkReport('step', report(scores)), { message })
})

test('progress is told in sequences and passes, and a step stops with its reason', async (t) => {
  const { base, calibration } = await classes()
  const reason = new Error('enough')
  const cases: [RecipeStep, string][] = [
    [{ pattern: 'heads', score: 'gradient', remove: 3 }, 'sequences'],
    [{ pattern: 'heads', score: 'ablation', remove: 3 }, 'passes'],
    [{ pattern: 'heads', score: 'hardConcrete', steps: 3, remove: 3 }, 'minibatches'],
  ]
  for (const [step, unit] of cases) {
    const units = new Set<string>()
    const stop = new AbortController()
    const onProgress = (progress: { unit: string; stage: string; done: number }) => {
      units.add(progress.unit)
      if (progress.unit === unit && (unit !== 'minibatches' || progress.done > 0)) stop.abort(reason)
    }
    const options = { calibration, onProgress, signal: stop.signal }
    t.is(await t.throwsAsync(prune(base, { steps: [step] }, options)), reason, unit)
    t.true(units.has(unit))
  }
})

test('fields that do not go with a score, or say nothing, are refused', (t) => {
  const layers = [0, 1].map((weights) => ({ weights, heads: [0, 1, 2, 3], inner: 48 }))
  const refuse = (step: object, message: RegExp) => {
    const recipe = { steps: [{ remove: 2, ...step }] }
    t.throws(() => normalizeRecipe(recipe, { originalHeads: 4, layers }), { message }, String(message))
  }
  const heads = (step: object, message: RegExp) => refuse({ pattern: 'heads', ...step }, message)
  heads({ score: 'gradeint' }, /Did you mean `gradient`/)
  heads({ score: 'lamp' }, /to be a score of heads, got 'lamp'\. For heads there are 'headNorm'.*'ranking'/)
  heads({ score: 'headNorm', rounds: 2 }, /Unknown key `rounds`/)
  heads({ score: 'gradient', estimater: 'token' }, /Did you mean `estimator`/)
  heads({ score: 'gradient', estimator: 'sum' }, /one of 'token', 'example', 'batch'/)
  heads({ score: 'fisher', estimator: 'token' }, /one of 'example', 'batch', got 'token'/)
  heads(
    { score: 'gradient', batch: 8 },
    /`recipe.steps\[0\].batch` to be absent but with the estimator 'batch'/,
  )
  heads({ score: 'gradient', rounds: 0 }, /whole number from 1/)
  heads({ score: 'gradient', loss: 'dense' }, /'dense' in one round.*derivatives are all zero: name 'fisher'/)
  heads({ score: 'fisher', loss: 'dense' }, /'dense' in one round/)
  heads({ score: 'ablation', loss: 'fisher' }, /one of 'auto', 'labels', 'pseudo', 'dense'/)
  heads({ score: 'similarity', batch: 2 }, /whole number from 3/)
  heads({ score: 'subset', steps: 0 }, /whole number from 1/)
  heads({ score: 'subset', learningRate: 0 }, /a number above 0/)
  heads({ score: 'hardConcrete', penalty: -1 }, /a number from 0/)
  heads({ score: 'gradient', update: 'none', damping: 0.1 }, /`recipe.steps\[0\].damping` to be absent/)
  const neurons = (step: object, message: RegExp) => refuse({ pattern: 'neurons', ...step }, message)
  neurons({ score: 'ablation' }, /'ablation' for neurons, which would take 96 passes.*Use 'gradient'/)
  neurons({ score: 'similarity', by: 'ablation' }, /would take 96 passes/)
  neurons({ score: 'subset' }, /to be a score of neurons, got 'subset'/)
})

function fill({ labels }: Calibration, number: number): void {
  if (labels?.kind === 'classes') labels.labels.fill(number)
  if (labels?.kind === 'scores') labels.scores.fill(number)
}

test('data that does not fit a loss is refused', async (t) => {
  const plain = await made()
  const refuse = async ({ run }: { run: typeof plain.run }, step: object, message: RegExp): Promise<void> => {
    const asked = { pattern: 'heads', score: 'gradient', remove: 2, ...step } as RecipeStep
    await t.throwsAsync(run([asked]), { message }, String(message))
  }
  await refuse(plain, { loss: 'labels' }, /calibration data that has none.*Open a labelled file/)
  await refuse(plain, { loss: 'pseudo' }, /another than 'pseudo' for this model.*no labels/)
  await refuse(await made({}, 'classes'), {}, /labels that the model gives, got classes/)
  const few = await made({ ...classifier, labels: 2 }, 'classes')
  fill(few.calibration, 2)
  await refuse(few, {}, /labels up to 1, got 2/)
  const same = await made({}, 'scores')
  fill(same.calibration, 2)
  await refuse(same, {}, /all scores are the same/)
  await t.throwsAsync(prune(plain.base, { steps: [{ pattern: 'heads', score: 'gradient', remove: 1 }] }), {
    message: /Step 1 of the recipe needs calibration data for its score 'gradient'/,
  })
  const one = { calibration: examples(plain.base, null, 1) }
  const steps = (score: 'gradient' | 'similarity') => [{ pattern: 'heads', score, remove: 1 }] as const
  await t.throwsAsync(prune(plain.base, { steps: steps('gradient') }, one), {
    message: /two sequences at least/,
  })
  await t.throwsAsync(prune(plain.base, { steps: steps('similarity') }, one), {
    message: /three sequences at least/,
  })
})
