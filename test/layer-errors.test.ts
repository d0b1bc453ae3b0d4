import test from 'ava'
import { linearSlots } from '../lib/architecture/spec.js'
import { Calibration } from '../lib/calibration/calibration.js'
import { Checkpoint } from '../lib/checkpoint/checkpoint.js'
import { Encoder } from '../lib/encoder/encoder.js'
import { layerErrors } from '../lib/pruning/layer-errors.js'
import { prune } from '../lib/pruning/prune.js'
import type { RecipeStep } from '../lib/pruning/recipe.js'
import { type MakeOptions, makeCheckpoint } from './make-checkpoint.js'
import { keptElements, newDirectory, storedWeights } from './pruned-weights.js'
import { randomNumbers } from './random-numbers.js'

/** Sequences in which some words are far more frequent than others. */
function someIds(count: number, seed: number): number[][] {
  const next = randomNumbers(seed)
  const word = () => 2 + Math.floor(next() ** 3 * 62)
  return Array.from({ length: count }, () => Array.from({ length: 5 + Math.floor(next() * 25) }, word))
}

async function made(options: MakeOptions = {}) {
  const base = await Checkpoint.open(await makeCheckpoint(options))
  const calibration = await Calibration.fromIds(base, someIds(60, 11))
  const heldOut = await Calibration.fromIds(base, someIds(20, 12))
  const pruned = async (steps: readonly RecipeStep[]) => {
    const reads = steps.some((step) => 'score' in step && step.score === 'wanda')
    return (await prune(base, { steps }, reads ? { calibration } : {})).apply(base)
  }
  return { base, heldOut, pruned }
}

test('nothing pruned is no error anywhere, and every linear of every layer is named in order', async (t) => {
  const { base, heldOut } = await made()
  const { linears, mean, tokens } = await layerErrors(base, base, heldOut)
  t.is(mean, 0)
  t.is(tokens, heldOut.tokens)
  t.deepEqual(
    linears,
    [0, 1].flatMap((layer) =>
      linearSlots.map((linear) => ({ layer, slot: `layers.${layer}.${linear}.weight`, error: 0 })),
    ),
  )
})

test('an error is the share of the squared output that the difference makes', async (t) => {
  const { base, heldOut, pruned } = await made()
  const after = await pruned([{ pattern: '2:4' }])
  const { linears, mean } = await layerErrors(base, after, heldOut)

  const encoder = await Encoder.load(base, { device: 'cpu' })
  const { hiddenStates } = await encoder.run(someIds(20, 12), { outputs: ['hiddenStates'] })
  encoder.dispose()
  for (const layer of [0, 1]) {
    for (const linear of ['query', 'key', 'value']) {
      const slot = `layers.${layer}.${linear}.weight`
      const weights = await storedWeights(base, slot)
      const kept = keptElements(after, slot)
      const [gone, whole] = [weights.map((value, at) => (kept[at] ? 0 : value)), weights].map((matrix) =>
        energy(matrix, hiddenStates![layer]!),
      )
      const { error } = linears.find((each) => each.slot === slot)!
      t.true(Math.abs(error - gone! / whole!) < 1e-5 * error, `${slot} ${error} ${gone! / whole!}`)
    }
  }
  const sum = linears.reduce((total, { error }) => total + error, 0)
  t.is(mean, sum / 12)
})

/** Of a matrix' outputs, over all tokens. */
function energy(matrix: Float32Array, inputs: Float32Array, hidden = 32): number {
  let sum = 0
  for (let token = 0; token < inputs.length; token += hidden) {
    for (let row = 0; row < matrix.length; row += hidden) {
      let output = 0
      for (let at = 0; at < hidden; at++) output += matrix[row + at]! * inputs[token + at]!
      sum += output * output
    }
  }
  return sum
}

test('on tokens that pruning has not seen, magnitude errs more than wanda, and that more than its refit', async (t) => {
  const { base, heldOut, pruned } = await made()
  const errors: number[] = []
  for (const step of [
    { pattern: '2:4', score: 'magnitude', reverse: true },
    { pattern: '2:4', score: 'magnitude' },
    { pattern: '2:4', score: 'wanda' },
    { pattern: '2:4', score: 'wanda', update: 'refit', target: 'own' },
  ] as const)
    errors.push((await layerErrors(base, await pruned([step]), heldOut)).mean)
  t.deepEqual(
    errors,
    errors.toSorted((a, b) => b - a),
  )
})

test('a checkpoint that was saved with its zeros errs as its plan does', async (t) => {
  const { base, heldOut, pruned } = await made()
  const after = await pruned([{ pattern: '2:4', score: 'wanda', update: 'refit' }])
  const directory = await newDirectory()
  await after.save(directory, { form: 'masked' })
  const saved = await layerErrors(base, await Checkpoint.open(directory), heldOut)
  t.deepEqual(saved, await layerErrors(base, after, heldOut))
})

test('linears whose inputs have changed places are held against the same inputs in those places', async (t) => {
  const { base, heldOut, pruned } = await made()
  const step = { pattern: '2:4', permute: true } as const
  // What moves, and a mask on what does not: then only the query errs.
  const after = await pruned([{ ...step, slots: ['query', 'attentionOutput', 'ffnOut'] }])
  const orders = after.decision!.orders!
  t.true([...orders.values()].some((order) => order.some((from, place) => from !== place)))
  const masks = new Map([...after.decision!.masks].filter(([slot]) => slot.includes('query')))
  const moved = base.withDecision({ ...after.decision!, masks })
  for (const { slot, error } of (await layerErrors(base, moved, heldOut)).linears)
    t.is(error > 0, slot.includes('query'), `${slot}: ${error}`)

  const [plain, permuted] = [await pruned([{ pattern: '2:4' }]), await pruned([step])]
  const ofOutputs = async (checkpoint: Checkpoint) =>
    (await layerErrors(base, checkpoint, heldOut)).linears.filter(({ slot }) => /ffnOut/.test(slot))
  for (const [at, { error, slot }] of (await ofOutputs(permuted)).entries())
    t.true(error < (await ofOutputs(plain))[at]!.error, slot)
})

test('of what is removed only what is missed elsewhere counts', async (t) => {
  const { base, heldOut, pruned } = await made({ layers: 3 })
  const after = await pruned([
    { pattern: 'heads', list: { '0': [1] } },
    { pattern: 'neurons', fraction: 0.25, layers: [2] },
    { pattern: 'layers', list: [1] },
  ])
  const { linears } = await layerErrors(base, after, heldOut)
  t.is(linears.length, 12)
  const missed = ['layers.0.attentionOutput.weight', 'layers.2.ffnOut.weight']
  for (const { layer, slot, error } of linears) {
    t.true(slot.startsWith(`layers.${layer}.`) && layer !== 1)
    t.is(error > 0, missed.includes(slot), slot)
    t.true(error < 1, slot)
  }
})

test('weights that layers share err at each of them by its own inputs', async (t) => {
  const { base, heldOut, pruned } = await made({ family: 'albert', layers: 2 })
  const { linears } = await layerErrors(base, await pruned([{ pattern: '2:4' }]), heldOut)
  const queries = linears.filter(({ slot }) => slot === 'layers.0.query.weight')
  t.deepEqual(
    queries.map(({ layer }) => layer),
    [0, 1],
  )
  t.not(queries[0]!.error, queries[1]!.error)
})

test('progress counts layers, and a signal ends it', async (t) => {
  const { base, heldOut } = await made()
  const done: number[] = []
  const stop = new AbortController()
  const running = layerErrors(base, base, heldOut, {
    threads: 1,
    signal: stop.signal,
    onProgress: ({ stage, done: layer, total, unit }) => {
      t.deepEqual({ stage, total, unit }, { stage: 'layer errors', total: 2, unit: 'layers' })
      done.push(layer)
      if (layer === 1) stop.abort(new Error('enough'))
    },
  })
  await t.throwsAsync(running, { message: 'enough' })
  t.deepEqual(done, [0, 1])
})

test('checkpoints without the same linears, and examples of another model, are refused', async (t) => {
  const { base, heldOut, pruned } = await made()
  const after = await pruned([{ pattern: 'neurons', fraction: 0.25 }])
  const directory = await newDirectory()
  await after.save(directory, { form: 'removed' })
  const small = await Checkpoint.open(directory)
  await t.throwsAsync(layerErrors(base, small, heldOut), {
    instanceOf: RangeError,
    message: /with layers\.0\.ffnIn\.weight \[48, 32\], got \[36, 32\]\. Apply the plan to `base`/,
  })
  const short = await Checkpoint.open(await makeCheckpoint({ layers: 1 }))
  await t.throwsAsync(layerErrors(base, short, heldOut), {
    instanceOf: RangeError,
    message: /with layers\.1\.query\.weight \[32, 32\], got absent/,
  })
  await t.throwsAsync(layerErrors(after, after, heldOut), { message: /`base` to be as it is stored/ })
  const tiny = await Checkpoint.open(await makeCheckpoint({ vocab: 8 }))
  await t.throwsAsync(layerErrors(tiny, tiny, heldOut), {
    instanceOf: RangeError,
    message: /fit the checkpoint/,
  })
})

test('what is no checkpoint, no calibration and no option is refused by name', async (t) => {
  const { base, heldOut } = await made()
  const call = layerErrors as (...args: unknown[]) => Promise<unknown>
  await t.throwsAsync(call('dense', base, heldOut), { message: /Expected `base` to be an open Checkpoint/ })
  await t.throwsAsync(call(base, {}, heldOut), { message: /Expected `pruned` to be an open Checkpoint/ })
  await t.throwsAsync(call(base, base, ['a text']), {
    message: /Expected `calibration` to be a Calibration/,
  })
  await t.throwsAsync(call(base, base, heldOut, { thread: 1 }), { message: /Did you mean `threads`/ })
  await t.throwsAsync(call(base, base, heldOut, { threads: 0 }), { message: /`threads`/ })
  await t.throwsAsync(call(base, base, heldOut, { onProgress: 1 }), { message: /`onProgress`/ })
})
