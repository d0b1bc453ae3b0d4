import test from 'ava'
import { Calibration } from '../lib/calibration/calibration.js'
import { Checkpoint } from '../lib/checkpoint/checkpoint.js'
import { type LatencyTable, rising, timeOf } from '../lib/latency/table.js'
import type { Cost } from '../lib/pruning/cost/cost.js'
import { Plan } from '../lib/pruning/plan.js'
import { prune } from '../lib/pruning/prune.js'
import type { RecipeStep, StructureStep } from '../lib/pruning/recipe-types.js'
import { type Block, costOfKept, keptCount } from '../lib/pruning/structure/block.js'
import { blockSearch } from '../lib/pruning/structure/block-search.js'
import { chooseOneOfEach } from '../lib/pruning/structure/one-of-each.js'
import { rankedSearch } from '../lib/pruning/structure/ranked-search.js'
import { blockLoss, rearranged } from '../lib/pruning/structure/rearrange.js'
import { type MakeOptions, makeCheckpoint } from './make-checkpoint.js'
import { newDirectory, savedAndOpened } from './pruned-weights.js'
import { randomNumbers } from './random-numbers.js'

const work = { device: 'made up', dtype: 'float32', threads: 1, batch: 2, length: 8 }
/** Of models of 4 heads and 48 neurons in each of 2 layers: 1 + 2 × (4 + 8) ms. */
const table: LatencyTable = {
  ...{ ...work, fixed: 1, dense: 25 },
  heads: [0, 1, 2, 4].map((count) => ({ count, milliseconds: count })),
  neurons: [
    { count: 0, milliseconds: 0 },
    { count: 8, milliseconds: 4 },
    { count: 48, milliseconds: 8 },
  ],
  matrices: {
    pattern: '2:4',
    times: {
      attention: { dense: 2, sparse: 1.5 },
      attentionOutput: { dense: 1, sparse: 0.5 },
      ffnIn: { dense: 4, sparse: 2 },
      ffnOut: { dense: 4, sparse: 4 },
    },
  },
}

const headOf = { labels: 3, head: 'ForSequenceClassification' } as const

async function calibrated(options: MakeOptions = headOf, count = 48) {
  const base = await Checkpoint.open(await makeCheckpoint(options))
  const next = randomNumbers(5)
  const word = () => 2 + Math.floor(next() ** 2 * 62)
  const ids = Array.from({ length: count }, () => Array.from({ length: 4 + Math.floor(next() * 9) }, word))
  const calibration = await Calibration.fromIds(base, ids)
  const run = async (step: RecipeStep, more: object = {}) => {
    const plan = await prune(base, { steps: [step] }, { calibration, ...more })
    const summary = plan.summary()
    return { plan, layers: summary.layers, report: summary.steps[0]! }
  }
  return { base, calibration, run }
}

/** Blocks with random derivatives in three minibatches. */
function madeBlocks(sizes: readonly (readonly [Block['kind'], number])[], seed: number): Block[] {
  const next = randomNumbers(seed)
  return sizes.map(([kind, count], set) => {
    const gradients = Float32Array.from({ length: 3 * count }, () => next() - 0.5)
    const indices = Array.from({ length: count }, (_, index) => index)
    const importance = Float64Array.from(indices, (unit) =>
      gradients.subarray(3 * unit, 3 * unit + 3).reduce((sum, g) => sum + g * g, 0),
    )
    return { kind, set, indices, gradients, importance }
  })
}

const toy = [
  ['heads', 3],
  ['heads', 2],
  ['neurons', 4],
  ['neurons', 3],
] as const

/** The most importance that any choice within the limit keeps, of all 2^units. */
function bestOfAll(blocks: readonly Block[], cost: Cost, limit: number, heads?: number): number {
  const units = blocks.flatMap(({ importance }, block) =>
    Array.from(importance, (score, place) => ({ block, place, score })),
  )
  let best = Number.NEGATIVE_INFINITY
  for (let bits = 0; bits < 2 ** units.length; bits++) {
    const kept = blocks.map(({ indices }) => new Uint8Array(indices.length))
    let worth = 0
    for (const [at, { block, place, score }] of units.entries()) {
      if ((bits >> at) % 2 === 0) continue
      kept[block]![place] = 1
      worth += score
    }
    const own = kept.reduce(
      (sum, flags, at) => sum + (blocks[at]!.kind === 'heads' ? keptCount(flags) : 0),
      0,
    )
    if (heads !== undefined && own !== heads) continue
    if (costOfKept(cost, blocks, kept) <= limit) best = Math.max(best, worth)
  }
  return best
}

function worthOf(blocks: readonly Block[], kept: readonly Uint8Array[]): number {
  return blocks.reduce(
    (sum, { importance }, at) =>
      sum + importance.reduce((own, score, place) => own + score * kept[at]![place]!, 0),
    0,
  )
}

const linear: Cost = {
  ...{ kind: 'operations', fixed: 0, linear: true },
  of: ({ kind }, count) => count * (kind === 'heads' ? 7 : 2),
}
/** The first unit of a block costs as much as all others. */
const stepped: Cost = {
  ...{ kind: 'milliseconds', fixed: 2, linear: false },
  of: (_, count) => (count === 0 ? 0 : 4 + count),
}

test('no choice within a budget keeps more importance than the search', (t) => {
  for (const seed of [1, 2, 3]) {
    const blocks = madeBlocks(toy, seed)
    for (const limit of [0, 9, 20, 31, 49]) {
      const kept = rankedSearch(blocks, linear, limit, undefined)!
      t.true(costOfKept(linear, blocks, kept) <= limit)
      t.true(Math.abs(worthOf(blocks, kept) - bestOfAll(blocks, linear, limit)) < 1e-9, `${seed}, ${limit}`)
    }
    for (const limit of [2, 8, 14, 20, 25]) {
      const kept = blockSearch(blocks, stepped, limit, undefined)!
      t.true(costOfKept(stepped, blocks, kept) <= limit)
      t.true(Math.abs(worthOf(blocks, kept) - bestOfAll(blocks, stepped, limit)) < 1e-9, `${seed}, ${limit}`)
    }
  }
})

test('where weight sets are applied unequally often the budget is met all the same', (t) => {
  const uneven: Cost = { ...linear, of: ({ set }, count) => count * (set % 2 === 0 ? 2 : 5) }
  for (const seed of [6, 7]) {
    const blocks = madeBlocks(toy, seed)
    for (const limit of [4, 11, 23, 37]) {
      const kept = rankedSearch(blocks, uneven, limit, undefined)!
      t.true(costOfKept(uneven, blocks, kept) <= limit)
      t.true(worthOf(blocks, kept) > 0.7 * bestOfAll(blocks, uneven, limit), `${seed}, ${limit}`)
    }
  }
})

test('exactly so many heads stay, and the best neurons beside them', (t) => {
  const blocks = madeBlocks(toy, 4)
  for (const heads of [0, 2, 5]) {
    const kept = rankedSearch(blocks, linear, 40, heads)!
    t.is(keptCount(kept[0]!) + keptCount(kept[1]!), heads)
    t.true(Math.abs(worthOf(blocks, kept) - bestOfAll(blocks, linear, 40, heads)) < 1e-9)
    const timed = blockSearch(blocks, stepped, 40, heads)!
    t.is(keptCount(timed[0]!) + keptCount(timed[1]!), heads)
  }
  t.is(rankedSearch(blocks, linear, 6, 1), undefined)
  t.is(blockSearch(blocks, stepped, 1, undefined), undefined)
})

test('one of each is chosen, and never more than the limit', (t) => {
  const places = [
    [
      { cost: 1, value: 1 },
      { cost: 3, value: 5 },
    ],
    [
      { cost: 2, value: 2 },
      { cost: 4, value: 3 },
    ],
  ]
  t.deepEqual(chooseOneOfEach(places, 7), [1, 1])
  t.deepEqual(chooseOneOfEach(places, 6.9), [1, 0])
  t.deepEqual(chooseOneOfEach(places, 3), [0, 0])
  t.is(chooseOneOfEach(places, 2.9), undefined)
  t.is(chooseOneOfEach(places, -1), undefined)
  t.deepEqual(chooseOneOfEach([[{ cost: 0, value: 1 }]], 0), [0])
  t.is(chooseOneOfEach([[{ cost: 1, value: 1 }]], 0), undefined)
})

test('an exchange keeps the number of units and lowers their loss by the whole block', async (t) => {
  let lowered = 0
  for (let seed = 1; seed <= 8; seed++) {
    const blocks = madeBlocks([['neurons', 20]], seed)
    const before = blockSearch(blocks, { ...linear, linear: false }, 24, undefined)!
    const after = await rearranged(blocks, before, undefined)
    t.is(keptCount(after[0]!), keptCount(before[0]!))
    t.true(blockLoss(blocks[0]!, after[0]!) <= blockLoss(blocks[0]!, before[0]!))
    if (blockLoss(blocks[0]!, after[0]!) < blockLoss(blocks[0]!, before[0]!)) lowered++
  }
  t.true(lowered > 4)
})

test('times between those that were measured lie on a line, and those that fall are levelled', (t) => {
  t.is(timeOf(table.neurons, 0), 0)
  t.is(timeOf(table.neurons, 4), 2)
  t.is(timeOf(table.neurons, 28), 6)
  t.is(timeOf(table.neurons, 48), 8)
  const times = [3, 1, 2, 9, 5].map((milliseconds, count) => ({ count, milliseconds }))
  t.deepEqual(
    rising(times).map(({ milliseconds }) => milliseconds),
    [2, 2, 2, 7, 7],
  )
})

test('a budget of operations or bytes is met, with less than a neuron to spare', async (t) => {
  const { base, run, calibration } = await calibrated()
  const tokens = calibration.tokens / calibration.sequences
  const { hidden, headSize } = base.base
  const head = Math.round(4 * tokens * hidden * headSize + 2 * tokens ** 2 * headSize)
  const neuron = Math.round(2 * tokens * hidden)
  for (const share of [0.3, 0.6, 0.9]) {
    const { layers, report } = await run({
      pattern: 'structure',
      budget: { operations: share },
      update: 'none',
    })
    const heads = layers.reduce((sum, layer) => sum + layer.heads.length, 0)
    const neurons = layers.reduce((sum, layer) => sum + layer.neurons, 0)
    const { kind, stored, before, after, limit } = report.budget!
    t.is(kind, 'operations')
    t.is(stored, 8 * head + 96 * neuron)
    t.is(before, stored)
    t.is(after, heads * head + neurons * neuron)
    t.true(after <= limit && after > limit - neuron)
    t.is(limit, share * stored)
    t.is(report.removed, 8 + 96 - heads - neurons)
    t.is(report.of, 104)
  }
  const { report } = await run({ pattern: 'structure', budget: { bytes: 0.5 }, update: 'none' })
  const { stored, after } = report.budget!
  t.is(stored, 4 * (8 * (4 * 8 * 32 + 3 * 8) + 96 * (2 * 32 + 1)))
  t.true(after <= stored / 2 && after > stored / 2 - 4 * 65)
})

test('a budget of milliseconds is met by the table, whatever the model', async (t) => {
  const { run } = await calibrated()
  for (const milliseconds of [1, 6, 13, 24.9]) {
    const step = { pattern: 'structure', budget: { milliseconds }, update: 'none' } as const
    const { layers, report } = await run(step, { latency: table })
    const { before, stored, after, limit, batch, tokens } = report.budget!
    t.deepEqual(
      { before, stored, limit, batch, tokens },
      { before: 25, stored: 25, limit: milliseconds, batch: 2, tokens: 8 },
    )
    t.true(after <= limit)
    const predicted = layers.reduce(
      (sum, { heads, neurons }) => sum + timeOf(table.heads, heads.length) + timeOf(table.neurons, neurons),
      table.fixed,
    )
    t.true(Math.abs(predicted - after) < 1e-9)
  }
  const { report } = await run({ pattern: 'structure', budget: { milliseconds: 25 } }, { latency: table })
  t.is(report.removed, 0)
})

test('exactly so many heads, every loss and estimator, and the same plan again', async (t) => {
  const { run } = await calibrated()
  const budget = { operations: 0.5 }
  const variants: Partial<StructureStep>[] = [
    { heads: 3 },
    { loss: 'fisher', estimator: 'batch', batch: 7 },
    { loss: 'pseudo', rearrange: false },
  ]
  for (const more of variants) {
    const step = { pattern: 'structure', budget, update: 'none', ...more } as RecipeStep
    const [first, second] = [await run(step), await run(step)]
    t.deepEqual(first.plan.decision.neurons, second.plan.decision.neurons)
    t.deepEqual(first.plan.decision.heads, second.plan.decision.heads)
    t.true(first.report.budget!.after <= first.report.budget!.limit)
    if (more.heads !== undefined)
      t.is(
        first.layers.reduce((sum, { heads }) => sum + heads.length, 0),
        3,
      )
  }
})

test('least squares make up for what goes', async (t) => {
  const { run } = await calibrated(headOf, 120)
  const { report, plan } = await run({ pattern: 'structure', budget: { operations: 0.5 } })
  t.true(report.linears!.length > 0)
  for (const { slot, errors } of report.linears!) {
    t.regex(slot, /(attentionOutput|ffnOut)\.weight$/)
    t.true(errors!.updated < errors!.masked, slot)
    t.true(plan.decision.values.has(slot))
  }
})

test('shared weight sets cost what all layers that apply them do', async (t) => {
  const { run, base } = await calibrated({ family: 'albert', layers: 3, ...headOf })
  const { report, layers } = await run({ pattern: 'structure', budget: { operations: 0.5 } })
  t.true(report.budget!.after <= report.budget!.limit)
  t.is(report.of, 4 + 48)
  t.is(new Set(layers.map(({ neurons }) => neurons)).size, 1)
  t.is(base.base.layers.length, layers.length)
  const bytes = (await run({ pattern: 'structure', budget: { bytes: 0.5 } })).report.budget!
  t.is(bytes.stored, 4 * (4 * (4 * 8 * 32 + 3 * 8) + 48 * (2 * 32 + 1)))
})

test('what went before counts as saved, and models without a head are searched too', async (t) => {
  const { base, calibration } = await calibrated({ head: 'Model' })
  const steps: RecipeStep[] = [
    { pattern: 'layers', list: [1] },
    { pattern: 'structure', budget: { operations: 0.5 } },
    { pattern: 'structure', budget: { operations: 0.25 }, update: 'bias' },
  ]
  const plan = await prune(base, { steps }, { calibration })
  const [, first, second] = plan.summary().steps
  t.is(first!.removed, 0)
  t.is(first!.budget!.before, first!.budget!.stored / 2)
  t.true(second!.budget!.after <= 0.25 * second!.budget!.stored)
  t.true(second!.removed > 0)
})

test('a plan says its budget and its mixed choices again when it is opened', async (t) => {
  const { base, calibration } = await calibrated()
  const steps: RecipeStep[] = [
    { pattern: '2:4', mixed: { dense: 2 } },
    { pattern: 'structure', budget: { milliseconds: 20 } },
  ]
  const plan = await prune(base, { steps }, { calibration, latency: table })
  const file = `${await newDirectory()}/plan.safetensors`
  await plan.save(file)
  t.deepEqual((await Plan.open(file)).summary(), plan.summary())
  const saved = await savedAndOpened(await plan.apply(base), 'removed')
  t.deepEqual(
    saved.base.layers.map(({ inner }) => inner),
    plan.summary().layers.map(({ neurons }) => neurons),
  )
})

test('structure refuses what cannot be, by name', async (t) => {
  const { base, calibration, run } = await calibrated()
  const refused = async (step: object, sentence: RegExp, more: object = {}) => {
    const error = await t.throwsAsync(run({ pattern: 'structure', ...step } as RecipeStep, more))
    t.regex(error!.message, sentence)
    t.true(error instanceof TypeError || error instanceof RangeError)
  }
  await refused(
    {},
    /`recipe\.steps\[0\]\.budget` to have one of operations, bytes and milliseconds, got none/,
  )
  await refused({ budget: { operations: 0.5, bytes: 0.5 } }, /got operations and bytes/)
  await refused({ budget: { operations: 1.5 } }, /from 0 to 1, got 1\.5/)
  await refused({ budget: { flops: 0.5 } }, /Unknown key `flops`/)
  await refused({ budget: { bytes: 0.5 }, tokens: 9 }, /tokens` to be absent/)
  await refused({ budget: { bytes: 0.5 }, heads: 9 }, /from 0 to 8, got 9/)
  await refused({ budget: { bytes: 0.5 }, batch: 9 }, /absent but with the estimator 'batch'/)
  await refused({ budget: { bytes: 0.5 }, score: 'gradient' }, /one of 'fisher'/)
  await refused({ budget: { bytes: 0.5 }, loss: 'dense' }, /one of 'auto', 'labels'/)
  await refused({ budget: { bytes: 0.5 }, loss: 'labels' }, /calibration data that has none/)
  await refused(
    { budget: { bytes: 0.1 }, heads: 8 },
    /budget\.bytes` to be at least 0\.5\d*, the cost of 8 heads alone/,
  )
  await refused({ budget: { milliseconds: 9 } }, /needs a latency table .* `measureLatency` makes one/)
  await refused({ budget: { milliseconds: 0.5 } }, /at least 1\.000, the cost of the rest of the model/, {
    latency: table,
  })
  await refused({ budget: { bytes: 0.5 } }, /`latency` to be absent/, { latency: table })
  const other = { ...table, heads: table.heads.slice(0, 3) }
  await refused({ budget: { milliseconds: 9 } }, /`latency\.heads` to end with 4, .* got 2/, {
    latency: other,
  })
  const falling = { ...table, heads: [...table.heads.slice(0, 3), { count: 4, milliseconds: 1 }] }
  await refused({ budget: { milliseconds: 9 } }, /latency\.heads\[3\]\.milliseconds/, { latency: falling })
  const step: RecipeStep = { pattern: 'structure', budget: { bytes: 0.5 } }
  await t.throwsAsync(prune(base, { steps: [step] }), {
    message: /needs calibration data for its score 'fisher'/,
  })
  const stop = new AbortController()
  stop.abort(new Error('enough'))
  await t.throwsAsync(prune(base, { steps: [step] }, { calibration, signal: stop.signal }), {
    message: 'enough',
  })
})
