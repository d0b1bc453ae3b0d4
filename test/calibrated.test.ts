import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { linearSlots } from '../lib/architecture/spec.js'
import { Calibration } from '../lib/calibration/calibration.js'
import { Checkpoint } from '../lib/checkpoint/checkpoint.js'
import { Encoder } from '../lib/encoder/encoder.js'
import { Plan, type PlanSummary } from '../lib/pruning/plan.js'
import { prune } from '../lib/pruning/prune.js'
import type { RecipeStep } from '../lib/pruning/recipe.js'
import { type MakeOptions, madeFamilies, makeCheckpoint } from './make-checkpoint.js'
import {
  difference,
  keptElements,
  newDirectory,
  outputsOf,
  removedCount,
  savedAndOpened,
  storedWeights,
} from './pruned-weights.js'
import { randomNumbers } from './random-numbers.js'

type Ids = readonly number[][]

/** Sequences in which some words are far more frequent than others. */
function someIds(count: number, seed: number, vocab = 64): Ids {
  const next = randomNumbers(seed)
  const word = () => 2 + Math.floor(next() ** 3 * (vocab - 2))
  return Array.from({ length: count }, () => Array.from({ length: 5 + Math.floor(next() * 25) }, word))
}

async function calibrated(options: MakeOptions = {}, sequences = 60) {
  const base = await Checkpoint.open(await makeCheckpoint(options))
  const calibration = await Calibration.fromIds(base, someIds(sequences, 11))
  const run = async (steps: readonly RecipeStep[], more: object = {}) => {
    const plan = await prune(base, { steps }, { calibration, ...more })
    return { plan, after: await plan.apply(base), report: plan.summary().steps.at(-1)! }
  }
  return { base, calibration, run }
}

const heldOut = someIds(20, 12)

async function hiddenOf(checkpoint: Checkpoint): Promise<Float32Array> {
  const encoder = await Encoder.load(checkpoint, { device: 'cpu', sparsity: 'off' })
  try {
    return (await encoder.run(heldOut, { outputs: ['lastHiddenState'] })).lastHiddenState!
  } finally {
    encoder.dispose()
  }
}

/** Squared distance of the last hidden states from the dense model's, on tokens that pruning did not see. */
async function errorOf(checkpoint: Checkpoint, base: Checkpoint): Promise<number> {
  const [got, wanted] = [await hiddenOf(checkpoint), await hiddenOf(base)]
  return got.reduce((sum, value, at) => sum + (value - wanted[at]!) ** 2, 0)
}

function isTwoOfFour(kept: readonly boolean[], columns: number): boolean {
  return kept.every((_, at) => {
    const first = at - ((at % columns) % 4)
    return at !== first || kept.slice(first, first + 4).filter((there) => there).length === 2
  })
}

const weightsOf = (sets: readonly number[]) =>
  sets.flatMap((set) => linearSlots.map((slot) => `layers.${set}.${slot}.weight`))

test('wanda with refit comes nearer to the dense model than magnitude, and every linear gains', async (t) => {
  const { base, run, calibration } = await calibrated()
  const { after, report } = await run([{ pattern: '2:4', score: 'wanda', update: 'refit' }])
  const plain = await (await prune(base, { steps: [{ pattern: '2:4' }] })).apply(base)
  t.true((await errorOf(after, base)) < 0.5 * (await errorOf(plain, base)))

  for (const slot of weightsOf([0, 1]))
    t.true(isTwoOfFour(keptElements(after, slot), base.slots.get(slot)!.shape[1]!))
  t.is(after.decision!.values.size, 24)
  t.deepEqual(
    report.linears!.map(({ slot }) => slot),
    weightsOf([0, 1]),
  )
  for (const { errors, damping, tokensPerColumn, slot } of report.linears!) {
    t.true(errors!.updated < errors!.masked, slot)
    t.is(damping, Math.max(0.01, 0.2 / tokensPerColumn))
    t.is(tokensPerColumn, calibration.tokens / base.slots.get(slot)!.shape[1]!)
  }
  const { digest, tokens } = calibration
  t.deepEqual(report.calibration, { examples: 60, sequences: 60, tokens, digest })
  t.deepEqual(report.notes, [])
})

test('every score and update that reads calibration data beats magnitude alone on it', async (t) => {
  const { base, run } = await calibrated()
  const plain = await errorOf(await (await prune(base, { steps: [{ pattern: '2:4' }] })).apply(base), base)
  const steps: RecipeStep[] = [
    { pattern: '2:4', score: 'magnitude', update: 'refit' },
    { pattern: '2:4', score: 'ria', update: 'refit' },
    { pattern: '2:4', score: 'wanda', update: 'refit', target: 'own' },
    { pattern: '2:4', score: 'sparsegpt' },
    { pattern: '2:4', score: 'sparsegpt', target: 'own' },
    { pattern: '2:4', score: 'obs', update: 'refit' },
    { pattern: '2:4', score: 'magnitude', update: 'bias' },
  ]
  for (const step of steps) {
    const { after, report } = await run([step])
    t.true((await errorOf(after, base)) < plain, JSON.stringify(step))
    t.is(report.removed, report.of / 2)
    for (const { errors, slot } of report.linears!) t.true(errors!.updated <= errors!.masked, slot)
  }
})

test('of scores without an update no numbers change, and errors are not known', async (t) => {
  const { run } = await calibrated()
  const { after, report } = await run([{ pattern: '2:4', score: 'wanda' }])
  t.is(after.decision!.values.size, 0)
  t.true(report.linears!.every((linear) => linear.errors === undefined && linear.damping === undefined))
})

test("wanda ranks by a weight times its input's norm, row by row", async (t) => {
  const { base, run, calibration } = await calibrated()
  const { after } = await run([
    { pattern: 'unstructured', fraction: 0.4, score: 'wanda', slots: ['query'], layers: [0] },
  ])
  const encoder = await Encoder.load(base, { device: 'cpu' })
  const { hiddenStates } = await encoder.run(someIds(60, 11), { outputs: ['hiddenStates'] })
  encoder.dispose()
  const norms = Array.from({ length: 32 }, (_, column) => {
    let sum = 0
    for (let token = 0; token < calibration.tokens; token++)
      sum += hiddenStates![0]![token * 32 + column]! ** 2
    return Math.sqrt(sum)
  })
  const weights = await storedWeights(base, 'layers.0.query.weight')
  const kept = keptElements(after, 'layers.0.query.weight')
  for (let row = 0; row < 32; row++) {
    const scores = norms.map((norm, column) => Math.abs(weights[row * 32 + column]!) * norm)
    const order = [...scores.keys()].sort((a, b) => scores[a]! - scores[b]!)
    const wanted = scores.map((_, column) => order.indexOf(column) >= 13)
    t.deepEqual(kept.slice(row * 32, (row + 1) * 32), wanted)
  }
})

test('one step over all layers is the same as a step for each, in their order', async (t) => {
  const { run } = await calibrated({ layers: 3 })
  for (const step of [
    { pattern: '2:4', score: 'wanda', update: 'refit' },
    { pattern: 'unstructured', fraction: 0.6, score: 'sparsegpt' },
  ] as const) {
    const once = (await run([step])).after.decision!
    const apart = (await run([0, 1, 2].map((layer) => ({ ...step, layers: [layer] })))).after.decision!
    t.deepEqual(apart.masks, once.masks)
    t.deepEqual(apart.values, once.values)
  }
})

test('obs chooses as sparsegpt does, and leaves the numbers to the update', async (t) => {
  const { base, run } = await calibrated({ layers: 1 })
  for (const step of [{ pattern: '2:4' }, { pattern: 'unstructured', fraction: 0.6 }] as const) {
    const solved = await run([{ ...step, score: 'sparsegpt', target: 'own', slots: ['query'] }])
    const chosen = await run([{ ...step, score: 'obs', slots: ['query'] }])
    t.deepEqual(chosen.after.decision!.masks, solved.after.decision!.masks)
    t.is(chosen.after.decision!.values.size, 0)
    t.is(chosen.report.removed, solved.report.removed)
    const refit = await run([{ ...step, score: 'obs', update: 'refit' }])
    const updated = await run([{ ...step, score: 'sparsegpt' }])
    t.true((await errorOf(refit.after, base)) < (await errorOf(updated.after, base)))
  }
})

test('layers and slots outside of the scope keep their numbers', async (t) => {
  const { run } = await calibrated({ layers: 3 })
  const { after } = await run([
    { pattern: '2:4', score: 'wanda', update: 'refit', layers: [1], slots: ['value', 'ffnOut'] },
  ])
  const { masks, values } = after.decision!
  t.deepEqual([...masks.keys()], ['layers.1.value.weight', 'layers.1.ffnOut.weight'])
  t.deepEqual(
    [...values.keys()].sort(),
    ['value', 'ffnOut']
      .flatMap((slot) => ['weight', 'bias'].map((part) => `layers.1.${slot}.${part}`))
      .sort(),
  )
})

test('one choice among all matrices takes exactly its share of them together', async (t) => {
  const { base, run } = await calibrated()
  for (const score of ['wanda', 'ria', 'lamp', 'magnitude'] as const) {
    const step = { pattern: 'unstructured', fraction: 0.5, per: 'global', score, update: 'refit' } as const
    const { after, report } = await run([step])
    const gone = weightsOf([0, 1]).map((slot) => removedCount(keptElements(after, slot)))
    t.is(
      gone.reduce((a, b) => a + b),
      report.of / 2,
    )
    t.is(report.removed, report.of / 2)
    // Not each its half.
    t.true(gone.some((count, at) => count !== keptElements(base, weightsOf([0, 1])[at]!).length / 2))
    for (const { errors } of report.linears!) t.true(errors!.updated < errors!.masked)
  }
})

test('an update changes no choice of a score of weights alone', async (t) => {
  const { base, run } = await calibrated()
  for (const score of ['magnitude', 'random'] as const) {
    const step = { pattern: 'unstructured', fraction: 0.5, score } as const
    const plain = await prune(base, { steps: [step] })
    const { plan } = await run([{ ...step, update: 'refit' }])
    t.deepEqual(plan.decision.masks, plain.decision.masks)
    t.is(plain.decision.values.size, 0)
    t.true(plan.decision.values.size > 0)
  }
})

test("update 'bias' changes biases alone", async (t) => {
  const { run } = await calibrated()
  const { after } = await run([{ pattern: '2:4', score: 'wanda', update: 'bias' }])
  t.is(after.decision!.values.size, 12)
  t.true([...after.decision!.values.keys()].every((slot) => slot.endsWith('.bias')))
})

test('the reversed order is worse than the order, and chance lies between them', async (t) => {
  const { base, run } = await calibrated()
  const half = { pattern: 'unstructured', fraction: 0.5, per: 'row' } as const
  const error = async (step: RecipeStep) =>
    errorOf(await (await prune(base, { steps: [step] })).apply(base), base)
  const chance = await error({ ...half, score: 'random' })
  t.true((await error(half)) < chance)
  t.true((await error({ ...half, reverse: true })) > chance)
  const seen = async (reverse: boolean) =>
    errorOf((await run([{ ...half, score: 'wanda', reverse }])).after, base)
  t.true((await seen(false)) < chance)
  t.true((await seen(true)) > chance)
})

test('what goes in one order is what stays in the other', async (t) => {
  const { base, run } = await calibrated()
  const steps: RecipeStep[] = [
    { pattern: '2:4' },
    { pattern: 'unstructured', fraction: 0.5, per: 'global', score: 'random' },
    { pattern: 'unstructured', fraction: 0.5, score: 'lamp' },
    // Later weights would read what has become of these.
    { pattern: '2:4', score: 'ria', slots: ['query', 'key', 'value'], layers: [0] },
    { pattern: 'heads', remove: 4 },
    { pattern: 'neurons', remove: 48 },
  ]
  for (const step of steps) {
    const reads = 'score' in step && step.score === 'ria'
    const decide = async (reverse: boolean) => {
      const steps = [{ ...step, reverse } as RecipeStep]
      return reads ? (await run(steps)).after : (await prune(base, { steps })).apply(base)
    }
    const [order, reversed] = [await decide(false), await decide(true)]
    for (const slot of weightsOf([0, 1])) {
      const [a, b] = [keptElements(order, slot), keptElements(reversed, slot)]
      if (order.decision!.masks.has(slot))
        t.true(
          a.every((there, at) => there !== b[at]),
          `${step.pattern} ${slot}`,
        )
    }
    const units = ({ spec }: Checkpoint) =>
      spec.layers.map(({ heads, inner }) => [heads.length, inner] as const)
    if (step.pattern === 'heads')
      for (const [at, [heads]] of units(order).entries()) t.is(heads + units(reversed)[at]![0], 4)
    if (step.pattern === 'neurons')
      for (const [at, [, inner]] of units(order).entries()) t.is(inner + units(reversed)[at]![1], 48)
  }
})

test('of a reversed order too the lower index stays, and what is gone stays gone', async (t) => {
  const { base } = await calibrated()
  const steps = [{ pattern: '2:4' }, { pattern: 'unstructured', fraction: 0.5, reverse: true }] as const
  const twice = await (await prune(base, { steps })).apply(base)
  const once = await (await prune(base, { steps: [steps[0]] })).apply(base)
  t.deepEqual(twice.decision!.masks, once.decision!.masks)
})

test('heads, neurons and layers that went before stay gone, and patterns run over what is left', async (t) => {
  const { base, run } = await calibrated({ layers: 3 })
  const before: RecipeStep[] = [
    { pattern: 'heads', list: { '0': [1], '2': [0, 3] } },
    { pattern: 'neurons', fraction: 0.25 },
    { pattern: 'layers', list: [1] },
  ]
  for (const step of [
    { pattern: '2:4', score: 'wanda', update: 'refit' },
    { pattern: '2:4', score: 'sparsegpt' },
  ] as const) {
    const { after } = await run([...before, step])
    t.deepEqual(
      after.spec.layers.map(({ heads, inner }) => [heads.length, inner]),
      [
        [3, 36],
        [2, 36],
      ],
    )
    const removed = await savedAndOpened(after, 'removed')
    t.true(difference(await outputsOf(removed), await outputsOf(after)) < 1e-5)
    const small = await prune(removed, { steps: [{ pattern: '2:4' }] })
    t.true(
      difference(await outputsOf(await small.apply(removed)), await outputsOf(removed)) < 1e-6,
      step.score,
    )
    const plain = await (await prune(base, { steps: [...before, { pattern: '2:4' }] })).apply(base)
    t.true((await errorOf(after, base)) < (await errorOf(plain, base)))
  }
})

test('errors are those of the outputs that are left, and new numbers too', async (t) => {
  const { run } = await calibrated({ layers: 1 })
  const steps: RecipeStep[] = [
    { pattern: 'heads', list: { '0': [0, 1, 3] } },
    { pattern: 'neurons', remove: 36 },
    { pattern: '2:4', score: 'magnitude', update: 'refit' },
  ]
  const { report, after } = await run(steps)
  const whole = (await run(steps.slice(2))).report
  for (const slot of ['query', 'key', 'value', 'ffnIn']) {
    const of = ({ linears }: typeof report) =>
      linears!.find((linear) => linear.slot.endsWith(`.${slot}.weight`))!
    // With the three quarters that are gone they would be at least 0.75.
    t.true(of(report).errors!.masked < 2 * of(whole).errors!.masked, slot)
    const bias = new Float32Array(after.decision!.values.get(`layers.0.${slot}.bias`)!.slice().buffer)
    t.is(bias.filter((value) => value !== 0).length, bias.length / 4)
  }
})

test('a layer without heads or neurons is passed', async (t) => {
  const whole = await Checkpoint.open(await makeCheckpoint({ layers: 3 }))
  const steps: RecipeStep[] = [
    { pattern: 'heads', list: { '0': [0, 1, 2, 3] } },
    { pattern: 'neurons', remove: 48, layers: [1] },
  ]
  const base = await savedAndOpened(await (await prune(whole, { steps })).apply(whole), 'removed')
  const calibration = await Calibration.fromIds(base, someIds(40, 11))
  for (const step of [
    { pattern: '2:4', score: 'wanda', update: 'refit' },
    { pattern: '2:4', score: 'sparsegpt' },
    { pattern: 'unstructured', fraction: 0.5, score: 'ria', per: 'global', update: 'bias' },
  ] as const) {
    const plan = await prune(base, { steps: [step] }, { calibration })
    const path = join(await newDirectory(), 'plan.safetensors')
    await plan.save(path)
    const after = await (await Plan.open(path)).apply(base)
    t.true(Number.isFinite(await errorOf(after, base)), step.score)
  }
})

test('a plan with new numbers is the same when it is opened again, and so is what it saves', async (t) => {
  const { base, run } = await calibrated({ head: 'ForSequenceClassification' })
  const { plan, after } = await run([{ pattern: '2:4', score: 'ria', update: 'refit' }])
  const path = join(await newDirectory(), 'plan.safetensors')
  await plan.save(path)
  const opened = await Plan.open(path)
  t.deepEqual(opened.summary(), plan.summary())
  t.deepEqual(opened.decision.values, plan.decision.values)
  const wanted = await outputsOf(after)
  t.deepEqual(await outputsOf(await opened.apply(base)), wanted)

  const directory = await newDirectory()
  await after.save(directory, { form: 'masked' })
  t.true(difference(await outputsOf(await Checkpoint.open(directory)), wanted) < 1e-6)
  const { steps } = JSON.parse(await readFile(join(directory, 'pruning.json'), 'utf8')) as PlanSummary
  t.deepEqual(steps, JSON.parse(JSON.stringify(plan.summary().steps)))
})

test('the same recipe on the same data makes the same plan', async (t) => {
  const { run } = await calibrated()
  const file = async (threads: number) => {
    const { plan } = await run([{ pattern: '2:4', score: 'wanda', update: 'refit' }], { threads })
    const path = join(await newDirectory(), 'plan.safetensors')
    await plan.save(path)
    return readFile(path)
  }
  t.true((await file(2)).equals(await file(2)))
})

test('all families are walked, and weights that layers share are decided once', async (t) => {
  for (const family of madeFamilies) {
    const { base, run } = await calibrated({ family, layers: 3 })
    for (const step of [
      { pattern: '2:4', score: 'wanda', update: 'refit' },
      { pattern: 'unstructured', fraction: 0.5, per: 'global', score: 'ria', update: 'refit' },
    ] as const) {
      const { report, after, plan } = await run([step])
      const shared = family === 'albert'
      t.is(report.linears!.length, shared ? 6 : 18)
      for (const { errors, slot } of report.linears!)
        t.true(errors!.updated < errors!.masked, `${family} ${slot}`)
      t.is(report.notes!.length, shared ? 1 : 0)
      t.like(plan.recipe.steps[0], { target: shared ? 'own' : 'dense' })
      const plain = await (await prune(base, { steps: [{ pattern: '2:4' }] })).apply(base)
      t.true((await errorOf(after, base)) < (await errorOf(plain, base)), family)
    }
  }
})

test('new numbers have the dtype of the base', async (t) => {
  for (const dtype of ['F16', 'BF16', 'F64'] as const) {
    const { base, run } = await calibrated({ dtype })
    const { after } = await run([{ pattern: '2:4', score: 'wanda', update: 'refit' }])
    for (const [slot, bytes] of after.decision!.values) {
      const { begin, end } = base.slots.get(slot)!
      t.is(bytes.length, end - begin)
    }
    const plain = await (await prune(base, { steps: [{ pattern: '2:4' }] })).apply(base)
    t.true((await errorOf(after, base)) < 0.7 * (await errorOf(plain, base)), dtype)
  }
})

test('too few tokens are said, and damped more, unless a damping is named', async (t) => {
  const { run } = await calibrated({}, 4)
  const few = await run([{ pattern: '2:4', score: 'wanda', update: 'refit' }])
  for (const { damping, tokensPerColumn } of few.report.linears!)
    t.is(damping, Math.min(1, Math.max(0.01, 0.2 / tokensPerColumn)))
  t.true(few.report.linears!.some(({ tokensPerColumn }) => tokensPerColumn < 2))
  t.regex(few.report.notes![0]!, /linears have fewer than two calibration tokens.*damped more/)
  const named = await run([{ pattern: '2:4', score: 'wanda', update: 'refit', damping: 0.5 }])
  t.true(named.report.linears!.every(({ damping }) => damping === 0.5))
  t.notRegex(named.report.notes![0]!, /damped/)
})

test('a step can be followed layer by layer, and stopped with its reason', async (t) => {
  const { base, calibration } = await calibrated({ layers: 3 })
  const recipe = { steps: [{ pattern: '2:4', score: 'wanda', update: 'refit', layers: [0, 1] }] } as const
  const stages: string[] = []
  const onProgress = ({
    stage,
    done,
    total,
    unit,
  }: {
    stage: string
    done: number
    total: number
    unit: string
  }) => {
    if (unit === 'layers') stages.push(`${stage} ${done}/${total}`)
  }
  await prune(base, recipe, { calibration, onProgress })
  t.deepEqual(stages, ['step 1 of 1: 2:4, layer 1 of 3 0/3', 'step 1 of 1: 2:4, layer 2 of 3 1/3'])

  const reason = new Error('enough')
  for (const at of ['layer 1', 'layer 2']) {
    const controller = new AbortController()
    const stop = ({ stage }: { stage: string }) => {
      if (stage.includes(at)) controller.abort(reason)
    }
    const stopped = prune(base, recipe, { calibration, signal: controller.signal, onProgress: stop })
    t.is(await t.throwsAsync(stopped), reason)
  }
  const thrown = prune(base, recipe, {
    calibration,
    onProgress: () => {
      throw reason
    },
  })
  t.is(await t.throwsAsync(thrown), reason)
  t.is((await prune(base, recipe, { calibration })).decision.masks.size, 12)
})

test('a step without weights left in its scope does nothing', async (t) => {
  const { run } = await calibrated()
  const { report } = await run([
    { pattern: 'layers', list: [0] },
    { pattern: '2:4', score: 'wanda', update: 'refit', layers: [0] },
  ])
  t.like(report, { of: 0, removed: 0, linears: [], tails: [] })
})

test('calibration data is refused where it lacks, is not read, or is of another model', async (t) => {
  const { base, calibration } = await calibrated()
  const wanda = { steps: [{ pattern: '2:4', score: 'wanda' }] } as const
  await t.throwsAsync(prune(base, wanda), {
    instanceOf: TypeError,
    message: /^Step 1 of the recipe needs calibration data for its score 'wanda'.*`Calibration.fromTexts`/,
  })
  await t.throwsAsync(
    prune(base, {
      steps: [
        { pattern: 'layers', list: [0] },
        { pattern: '2:4', update: 'bias' },
      ],
    }),
    {
      message: /^Step 2 of the recipe needs calibration data for its update 'bias'/,
    },
  )
  await t.throwsAsync(prune(base, { steps: [{ pattern: '2:4' }] }, { calibration }), {
    message: /`calibration` to be absent, for no score or update/,
  })
  await t.throwsAsync(prune(base, wanda, { calibration: [[1]] as never }), { message: /to be a Calibration/ })
  await t.throwsAsync(prune(base, wanda, { calibration, threads: 0 }), { message: /`threads`/ })
  const small = await Checkpoint.open(await makeCheckpoint({ vocab: 10 }))
  await t.throwsAsync(prune(small, wanda, { calibration }), {
    instanceOf: RangeError,
    message: /same checkpoint/,
  })
})
