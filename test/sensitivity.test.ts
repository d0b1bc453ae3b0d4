import test from 'ava'
import { linearSlots } from '../lib/architecture/spec.js'
import { Calibration } from '../lib/calibration/calibration.js'
import { Checkpoint } from '../lib/checkpoint/checkpoint.js'
import { Encoder } from '../lib/encoder/encoder.js'
import type { LatencyTable } from '../lib/latency/table.js'
import { prune } from '../lib/pruning/prune.js'
import type { RecipeStep } from '../lib/pruning/recipe-types.js'
import { sensitivity } from '../lib/pruning/sensitivity.js'
import { type MakeOptions, makeCheckpoint } from './make-checkpoint.js'
import { keptElements, storedWeights } from './pruned-weights.js'
import { randomNumbers } from './random-numbers.js'

const matrices: LatencyTable['matrices'] = {
  pattern: '2:4',
  times: {
    attention: { dense: 2, sparse: 1.5 },
    attentionOutput: { dense: 1, sparse: 0.5 },
    ffnIn: { dense: 4, sparse: 2 },
    ffnOut: { dense: 4, sparse: 4 },
  },
}
/** Of 2 layers of 4 heads and 48 neurons: all that can be sparse saves 6 ms of 25. */
const latency: LatencyTable = {
  ...{ device: 'made up', dtype: 'float32', threads: 1, batch: 2, length: 8, fixed: 1, dense: 25, matrices },
  heads: [0, 4].map((count) => ({ count, milliseconds: count })),
  neurons: [0, 48].map((count) => ({ count, milliseconds: count / 6 })),
}

async function calibrated(options: MakeOptions = {}, count = 60) {
  const base = await Checkpoint.open(await makeCheckpoint(options))
  const next = randomNumbers(7)
  const word = () => 2 + Math.floor(next() ** 3 * 62)
  const ids = Array.from({ length: count }, () => Array.from({ length: 5 + Math.floor(next() * 20) }, word))
  return { base, calibration: await Calibration.fromIds(base, ids) }
}

test('every linear has an error, the same each time, and an update lowers it', async (t) => {
  const { base, calibration } = await calibrated()
  const measured = (step: RecipeStep) => sensitivity(base, { step, calibration })
  const plain = await measured({ pattern: '2:4' })
  t.deepEqual(
    plain.map(({ slot }) => slot),
    [0, 1].flatMap((set) => linearSlots.map((linear) => `layers.${set}.${linear}.weight`)),
  )
  t.deepEqual(await measured({ pattern: '2:4' }), plain)
  const wanda = await measured({ pattern: '2:4', score: 'wanda' })
  const refit = await measured({ pattern: '2:4', score: 'wanda', update: 'refit' })
  const half = await measured({ pattern: 'unstructured', fraction: 0.5 })
  const most = await measured({ pattern: 'unstructured', fraction: 0.9 })
  for (const [at, { slot, error }] of plain.entries()) {
    t.true(error > 0 && error < 1, slot)
    t.true(refit[at]!.error < wanda[at]!.error, slot)
    t.true(half[at]!.error < most[at]!.error, slot)
  }
  const some = await measured({ pattern: '2:4', slots: ['ffnOut'], layers: [1] })
  t.deepEqual(some, [plain.at(-1)])
})

test('an error is that of the outputs on the examples that were kept apart', async (t) => {
  const { base, calibration } = await calibrated()
  const { rest, apart } = calibration.split(4)
  t.is(apart.examples, 15)
  t.is(rest.examples, 45)
  t.is(rest.tokens + apart.tokens, calibration.tokens)
  t.is(rest.overlap(apart).sequences, 0)
  t.deepEqual(
    [...apart.ids.slice(0, apart.offsets[1])],
    [...calibration.ids.slice(calibration.offsets[3], calibration.offsets[4])],
  )
  const step: RecipeStep = { pattern: '2:4', slots: ['query'], layers: [0] }
  const [query] = await sensitivity(base, { step, calibration })
  const after = await (await prune(base, { steps: [step] })).apply(base)
  const encoder = await Encoder.load(base, { device: 'cpu' })
  const sequences = [...apart.offsets.keys()]
    .slice(1)
    .map((at) => apart.ids.slice(apart.offsets[at - 1], apart.offsets[at]))
  const { hiddenStates } = await encoder.run(sequences, { outputs: ['hiddenStates'] })
  encoder.dispose()
  const weights = await storedWeights(base, 'layers.0.query.weight')
  const kept = keptElements(after, 'layers.0.query.weight')
  let [gone, whole] = [0, 0]
  for (let token = 0; token < apart.tokens; token++) {
    for (let row = 0; row < 32; row++) {
      let [difference, output] = [0, 0]
      for (let column = 0; column < 32; column++) {
        const product = weights[row * 32 + column]! * hiddenStates![0]![token * 32 + column]!
        output += product
        if (!kept[row * 32 + column]) difference += product
      }
      gone += difference ** 2
      whole += output ** 2
    }
  }
  t.true(Math.abs(query!.error / (gone / whole) - 1) < 1e-4, `${query!.error}, ${gone / whole}`)
})

test('the costliest linears stay dense, and the others are pruned as without them', async (t) => {
  const { base, calibration } = await calibrated()
  const step: RecipeStep = { pattern: '2:4', score: 'wanda', update: 'refit' }
  const errors = await sensitivity(base, { step, calibration })
  const plan = await prune(base, { steps: [{ ...step, mixed: { dense: 3 } }] }, { calibration })
  const { choices, of, removed, linears, notes } = plan.summary().steps[0]!
  t.deepEqual(
    choices!.map(({ slot, error }) => ({ slot, error })),
    errors.map(({ slot, error }) => ({ slot, error })),
  )
  const dense = choices!.filter((choice) => choice.dense)
  t.is(dense.length, 3)
  const least = Math.min(...dense.map(({ error }) => error))
  t.true(choices!.every((choice) => choice.dense || choice.error <= least))
  for (const { slot } of dense) t.false(plan.decision.masks.has(slot))
  t.is(plan.decision.masks.size, 9)
  t.is(linears!.length, 9)
  t.true(removed < of / 2)
  t.regex(notes![0]!, /3 of 12 linears stay dense/)
  const none = await prune(base, { steps: [{ ...step, mixed: { dense: 0 } }] }, { calibration })
  const plain = await prune(base, { steps: [step] }, { calibration })
  t.deepEqual(none.decision.masks, plain.decision.masks)
})

test('within milliseconds the least error is accepted, and what is not faster stays dense', async (t) => {
  const { base, calibration } = await calibrated()
  const run = async (milliseconds: number) => {
    const steps: RecipeStep[] = [{ pattern: '2:4', mixed: { milliseconds } }]
    return (await prune(base, { steps }, { calibration, latency })).summary().steps[0]!
  }
  let before = Number.POSITIVE_INFINITY
  for (const milliseconds of [19, 20.5, 22, 23.5, 25]) {
    const { choices, budget } = await run(milliseconds)
    t.true(budget!.after <= milliseconds)
    const saved = new Map(choices!.map(({ slot, dense, milliseconds: ms }) => [slot, dense ? 0 : ms!]))
    const attention = [0, 1].map((set) =>
      [...linearSlots.slice(0, 3)].map((slot) => saved.get(`layers.${set}.${slot}.weight`)),
    )
    for (const [query, key, value] of attention) t.true(query === key && key === value)
    t.true(choices!.every(({ slot, dense }) => dense || !slot.includes('ffnOut')))
    const error = choices!.reduce((sum, choice) => sum + (choice.dense ? 0 : choice.error), 0)
    t.true(error <= before)
    before = error
  }
  t.is(before, 0)
})

test('shared weight sets are looked at once, over all layers that apply them', async (t) => {
  const { base, calibration } = await calibrated({ family: 'albert', layers: 3 })
  const errors = await sensitivity(base, { step: { pattern: '2:4', update: 'refit' }, calibration })
  t.is(errors.length, 6)
  const steps: RecipeStep[] = [{ pattern: '2:4', mixed: { dense: 1 } }]
  const plan = await prune(base, { steps }, { calibration })
  t.is(plan.decision.masks.size, 5)
})

test('sensitivity and mixed steps refuse what cannot be, by name', async (t) => {
  const { base, calibration } = await calibrated()
  const refused = async (step: object, sentence: RegExp, more: object = {}) => {
    const recipe = { steps: [step as RecipeStep] }
    const error = await t.throwsAsync(prune(base, recipe, { calibration, ...more }))
    t.regex(error!.message, sentence)
    t.true(error instanceof TypeError || error instanceof RangeError)
  }
  await refused({ pattern: '2:4', mixed: {} }, /one of dense and milliseconds/)
  await refused({ pattern: '2:4', mixed: { dense: 1, milliseconds: 2 } }, /one of dense and milliseconds/)
  await refused({ pattern: '2:4', mixed: { dense: 13 } }, /at most 12, .* got 13/)
  await refused({ pattern: '2:4', mixed: { milliseconds: 20 } }, /needs a latency table/)
  await refused({ pattern: '1:4', mixed: { milliseconds: 20 } }, /to be '1:4', as the step's, got '2:4'/, {
    latency,
  })
  await refused({ pattern: '2:4', mixed: { milliseconds: 18 } }, /at least 19\.00, .* got 18/, { latency })
  const sparse = { pattern: 'unstructured', fraction: 0.5 }
  await refused({ ...sparse, mixed: { milliseconds: 18 } }, /known of N:M patterns alone/, { latency })
  await refused({ ...sparse, per: 'global', mixed: { dense: 1 } }, /a choice among all matrices/)
  await refused({ pattern: 'heads', remove: 1, mixed: { dense: 1 } }, /Unknown key `mixed`/)
  await t.throwsAsync(prune(base, { steps: [{ pattern: '2:4', mixed: { dense: 1 } }] }), {
    message: /needs calibration data/,
  })
  const step = { pattern: 'heads', remove: 1 } as const
  await t.throwsAsync(sensitivity(base, { step, calibration }), {
    message: /`step` to be an N:M or unstructured step/,
  })
  const few = await Calibration.fromIds(base, [[3], [4], [5]])
  await t.throwsAsync(sensitivity(base, { step: { pattern: '2:4' }, calibration: few }), {
    message: /at least 4 examples of calibration data, got 3/,
  })
})
