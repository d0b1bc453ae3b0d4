/**
 * The differentiable encoder: derivatives by gates and weights against central differences of the loss, in every
 * family and for every loss that fits its head; how they are reduced; what is inside, against Encoder.run.
 */
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import test, { type ExecutionContext } from 'ava'
import type { Loss } from '../binding.js'
import type { Slot } from '../lib/architecture/spec.js'
import { Checkpoint } from '../lib/checkpoint/checkpoint.js'
import { Encoder } from '../lib/encoder/encoder.js'
import { type Asked, Differentiable, gateNames, loadRequest, lossesFor, packed } from './differentiable.js'
import { closeWithin, difference, equalExactly, equalWithin } from './equal.js'
import { type MakeOptions, madeHeads, makeCheckpoint } from './make-checkpoint.js'
import { pruned, storedWeights } from './pruned-weights.js'
import { randomNumbers } from './random-numbers.js'

type Next = () => number
const tiny = { hidden: 16, heads: 2, inner: 6, layers: 2, vocab: 24, positions: 12, embedding: 8 } as const
const lengths = [3, 1, 5, 2]
const step = 1e-3
/** fp32's: what a loss is known to, relatively. */
const epsilon = 2 ** -23

const near = (count: number, next: Next) => Float32Array.from({ length: count }, () => 0.7 + 0.6 * next())
const moved = (from: Float32Array, at: number, by: number) => from.map((x, i) => (i === at ? x + by : x))
const total = (values: Iterable<number>) => [...values].reduce((sum, value) => sum + value, 0)

/** Central differences of the summed loss by each of the gates of one kind. */
async function differences(model: Differentiable, asked: Asked, kind: 'headGates' | 'neuronGates') {
  const gates = asked[kind]!
  const slopes: number[] = []
  for (const at of gates.keys()) {
    const [above, below] = await Promise.all(
      [step, -step].map((by) => model.loss({ ...asked, [kind]: moved(gates, at, by) })),
    )
    slopes.push((above! - below!) / (2 * step))
  }
  return slopes
}

/** @returns the largest error, relative to the largest derivative */
async function compareGates(
  t: ExecutionContext,
  model: Differentiable,
  asked: Asked,
  what: string,
  next: Next,
) {
  const gates = { headGates: near(model.heads, next), neuronGates: near(model.neurons, next) }
  const all = { ...asked, ...gates }
  const { heads, neurons, losses } = await model.gradients({ ...all, heads: true, neurons: true })
  const rounding = (epsilon * (1 + total(losses))) / step
  let worst = 0
  for (const [kind, sums] of [
    ['headGates', heads!.sum],
    ['neuronGates', neurons!.sum],
  ] as const) {
    const slopes = await differences(model, all, kind)
    const { largest, scale } = difference(sums, slopes)
    closeWithin(t, sums, slopes, 1e-2 * scale + rounding, `${what}, ${kind}`)
    worst = Math.max(worst, largest / (scale || 1))
  }
  return worst
}

/** The layers' linears five times as large, so that gates weigh more than fp32 rounds a loss by. */
async function enlarged(checkpoint: Checkpoint): Promise<Map<Slot, Float32Array>> {
  const slots = [...checkpoint.slots.keys()].filter((slot) =>
    /^layers.*(query|key|value|Output|ffn\w+)\.weight$/.test(slot),
  )
  const values = await Promise.all(slots.map((slot) => storedWeights(checkpoint, slot)))
  return new Map(slots.map((slot, i) => [slot, values[i]!.map((x) => 5 * x)]))
}

async function compareFamily(t: ExecutionContext, options: MakeOptions) {
  const next = randomNumbers(7)
  const worst: string[] = []
  for (const [index, head] of madeHeads.entries()) {
    const checkpoint = await Checkpoint.open(
      await makeCheckpoint({ ...tiny, ...options, head, seed: index + 1 }),
    )
    const model = await Differentiable.load(checkpoint, await enlarged(checkpoint))
    const batch = packed(model.spec, lengths, next)
    for (const loss of lossesFor(model.spec, batch, next)) {
      const what = `${head}, ${loss.kind}${'pooling' in loss ? ` of ${loss.pooling}` : ''}`
      const error = await compareGates(t, model, { ...batch, loss }, what, next)
      worst.push(`${error.toExponential(1)} ${what}`)
    }
    model.dispose()
  }
  t.log(worst.toSorted((a, b) => Number.parseFloat(b) - Number.parseFloat(a))[0]!)
}

for (const family of ['bert', 'roberta', 'distilbert', 'albert', 'electra', 'mpnet'] as const) {
  test(`derivatives by gates of ${family} are central differences, for every loss`, async (t) => {
    await compareFamily(t, { family })
  })
}

for (const activation of ['gelu_new', 'relu', 'silu', 'quick_gelu']) {
  test(`derivatives by gates are central differences where feed-forwards use ${activation}`, async (t) => {
    const next = randomNumbers(21)
    const path = await makeCheckpoint({
      ...tiny,
      config: { hidden_act: activation },
      head: 'ForSequenceClassification',
    })
    const checkpoint = await Checkpoint.open(path)
    const model = await Differentiable.load(checkpoint, await enlarged(checkpoint))
    const batch = packed(model.spec, lengths, next)
    const [loss] = lossesFor(model.spec, batch, next)
    t.true((await compareGates(t, model, { ...batch, loss: loss! }, activation, next)) < 1e-2)
  })
}

test('derivatives by gates are central differences where tokens are weighed by their places', async (t) => {
  const next = randomNumbers(23)
  const checkpoint = await Checkpoint.open(await makeCheckpoint({ ...tiny, head: 'Model' }))
  const model = await Differentiable.load(checkpoint, await enlarged(checkpoint))
  const batch = packed(model.spec, lengths, next)
  for (const loss of lossesFor(model.spec, batch, next).slice(0, 3)) {
    const weighted = { ...loss, pooling: 'weightedMean' } as Loss
    await compareGates(t, model, { ...batch, loss: weighted }, `${loss.kind}, weighted`, next)
  }
})

const layer = (weights: number, heads: number[], inner: number) => ({ weights, heads, inner })

for (const [what, layers] of [
  ['of one layer', [layer(0, [], 6), layer(1, [1], 0)]],
  ['of another', [layer(0, [0, 1], 0), layer(1, [], 6)]],
  ['at all', [layer(0, [], 0), layer(1, [], 0)]],
] as const) {
  test(`derivatives are right where there are no heads or neurons ${what}`, async (t) => {
    const next = randomNumbers(22)
    const config = { num_hidden_layers: 2, twofour: { version: 1, headSize: 8, layers } }
    const checkpoint = await Checkpoint.open(await makeCheckpoint({ ...tiny, config }))
    const model = await Differentiable.load(checkpoint, await enlarged(checkpoint))
    const batch = packed(model.spec, lengths, next)
    for (const loss of lossesFor(model.spec, batch, next).slice(0, 3))
      await compareGates(t, model, { ...batch, loss }, loss.kind, next)
  })
}

test('a model without layers has a loss, and nothing to derive', async (t) => {
  const next = randomNumbers(23)
  const config = { num_hidden_layers: 0, twofour: { version: 1, headSize: 8, layers: [] } }
  const model = await Differentiable.load(await makeCheckpoint({ ...tiny, config, head: 'ForMaskedLM' }))
  const batch = packed(model.spec, lengths, next)
  const [loss] = lossesFor(model.spec, batch, next)
  const { losses, heads } = await model.gradients({ ...batch, loss: loss!, heads: true, neurons: true })
  t.true(total(losses) > 0)
  t.is(heads!.sum.length, 0)
})

/** Derivatives along random directions of each slot against central differences of the loss, by loading twice. */
async function compareWeights(t: ExecutionContext, options: MakeOptions, slots: readonly string[]) {
  const next = randomNumbers(9)
  const checkpoint = await Checkpoint.open(await makeCheckpoint({ ...tiny, ...options }))
  const base = await enlarged(checkpoint)
  const model = await Differentiable.load(checkpoint, base)
  const batch = packed(model.spec, lengths, next)
  const gates = { headGates: near(model.heads, next), neuronGates: near(model.neurons, next) }
  for (const loss of lossesFor(model.spec, batch, next).slice(0, 3)) {
    const asked = { ...batch, ...gates, loss, batches: Int32Array.of(0, 3, 4) }
    const { weights } = await model.gradients({ ...asked, weights: slots })
    t.deepEqual(Object.keys(weights!).toSorted(), slots.toSorted())
    for (const slot of slots) {
      const name = `${slot}.weight` as Slot
      const values = base.get(name) ?? (await storedWeights(checkpoint, name))
      const direction = values.map(() => next() - 0.5)
      const losses = [step, -step].map(async (by) => {
        const changed = new Map(base).set(
          name,
          values.map((w, i) => w + by * direction[i]!),
        )
        return (await Differentiable.load(checkpoint, changed)).loss(asked)
      })
      const [above, below] = await Promise.all(losses)
      const slope = (above! - below!) / (2 * step)
      const along = total(weights![slot]!.map((gradient, i) => gradient * direction[i]!))
      const size = Math.hypot(...weights![slot]!) * Math.hypot(...direction)
      closeWithin(t, [along], [slope], 1e-2 * Math.max(Math.abs(slope), 0.1 * size), `${slot}, ${loss.kind}`)
    }
  }
}

const layerSlots = ['query', 'key', 'value', 'attentionOutput', 'ffnIn', 'ffnOut']

test('derivatives by weights are central differences: every linear of a layer, pooler and head', async (t) => {
  const slots = [...layerSlots.map((name) => `layers.0.${name}`), 'layers.1.ffnIn', 'pooler', 'head.output']
  await compareWeights(t, { head: 'ForSequenceClassification' }, slots)
})

test('derivatives by weights of a masked language model go through its transform', async (t) => {
  await compareWeights(t, { head: 'ForMaskedLM', tied: false }, [
    'layers.1.value',
    'head.transform',
    'head.output',
  ])
})

test('derivatives by weights that layers share are sums over their applications', async (t) => {
  const shared = { family: 'albert', layers: 3, groups: 1 } as const
  await compareWeights(
    t,
    shared,
    layerSlots.map((name) => `layers.0.${name}`),
  )
})

test('derivatives by weights of a head alone need no layer', async (t) => {
  await compareWeights(t, { head: 'ForTokenClassification' }, ['head.output'])
})

/** A classifier and a loss of it over sequences of these lengths. */
async function classifier(options: MakeOptions = {}, of: readonly number[] = lengths) {
  const next = randomNumbers(11)
  const made = await makeCheckpoint({ ...tiny, head: 'ForSequenceClassification', ...options })
  const checkpoint = await Checkpoint.open(made)
  const model = await Differentiable.load(checkpoint, await enlarged(checkpoint))
  const batch = packed(model.spec, of, next)
  const targets = Float32Array.from({ length: of.length * model.spec.head!.labels }, () => next() * 4)
  const loss: Loss = { kind: 'divergence', targets, temperature: 1 }
  return { checkpoint, model, asked: { ...batch, loss, heads: true, neurons: true } }
}

const ones = (count: number) => new Float32Array(count).fill(1)

test('gates of one change nothing', async (t) => {
  const { model, asked } = await classifier()
  const gates = { headGates: ones(model.heads), neuronGates: ones(model.neurons) }
  const [plain, gated] = [await model.gradients(asked), await model.gradients({ ...asked, ...gates })]
  equalExactly(t, gated.losses, plain.losses, 'losses')
  equalExactly(t, gated.heads!.sum, plain.heads!.sum, 'heads')
  equalExactly(t, gated.neurons!.sum, plain.neurons!.sum, 'neurons')
})

test('what is asked for alone is what it is beside the rest', async (t) => {
  const { model, asked } = await classifier({ layers: 3 })
  const weights = ['layers.0.ffnOut', 'layers.1.query', 'layers.2.attentionOutput']
  const all = await model.gradients({ ...asked, weights })
  const alone = { ...asked, heads: false, neurons: false }
  equalExactly(t, (await model.gradients(alone)).losses, all.losses, 'losses')
  const { heads } = await model.gradients({ ...alone, heads: true })
  const { neurons } = await model.gradients({ ...alone, neurons: true })
  for (const name of gateNames) {
    equalExactly(t, heads![name], all.heads![name], `${name} of heads`)
    equalExactly(t, neurons![name], all.neurons![name], `${name} of neurons`)
  }
  for (const slot of weights) {
    const some = await model.gradients({ ...alone, weights: [slot] })
    equalExactly(t, some.weights![slot], all.weights![slot]!, slot)
  }
})

for (const family of ['bert', 'mpnet', 'albert'] as const) {
  test(`a gate of zero is a head or a neuron of ${family} that is gone`, async (t) => {
    const checkpoint = await Checkpoint.open(await makeCheckpoint({ ...tiny, family }))
    const model = await Differentiable.load(checkpoint)
    const sequences = [[3, 1, 4, 1, 5], [9], [2, 6, 5, 3]]
    const batch = {
      ids: Int32Array.from(sequences.flat()),
      types: new Int32Array(),
      offsets: Int32Array.of(0, 5, 6, 10),
    }
    const gone = await pruned(checkpoint, [
      { pattern: 'heads', list: { 0: [1] } },
      { pattern: 'neurons', fraction: 0.5, layers: [0] },
    ])
    const encoder = await Encoder.load(gone, { device: 'cpu' })
    const { lastHiddenState } = await encoder.run(sequences)
    const [headGates, neuronGates] = [ones(model.heads), ones(model.neurons)]
    for (const [index, { weights, heads, inner }] of model.spec.layers.entries()) {
      if (weights > 0) continue
      headGates[index * heads.length + 1] = 0
      const kept = gone.decision!.neurons.get(0)!
      for (let neuron = 0; neuron < inner; neuron++)
        if (!kept.includes(neuron)) neuronGates[index * inner + neuron] = 0
    }
    const request = {
      ...batch,
      headGates,
      neuronGates,
      layer: model.spec.layers.length - 1,
      what: 'hidden',
    } as const
    equalWithin(t, await model.tap(request), lastHiddenState!, 1e-5, family)
  })
}

test('reductions are those of the rows', async (t) => {
  const { model, asked } = await classifier()
  const batches = Int32Array.of(0, 3, 4)
  const result = await model.gradients({ ...asked, batches, rows: true })
  for (const [sums, units] of [
    [result.heads!, model.heads],
    [result.neurons!, model.neurons],
  ] as const) {
    t.is(sums.examples!.length, 4 * units)
    t.is(sums.batches!.length, 2 * units)
    const over = (rows: Float32Array, value: (x: number) => number) =>
      Array.from({ length: units }, (_, unit) => total(rows.filter((_, i) => i % units === unit).map(value)))
    equalWithin(
      t,
      sums.sum,
      over(sums.examples!, (x) => x),
      1e-6,
      'sum',
    )
    equalWithin(t, sums.perExample, over(sums.examples!, Math.abs), 1e-6, 'perExample')
    equalWithin(
      t,
      sums.exampleSquares,
      over(sums.examples!, (x) => x * x),
      1e-6,
      'exampleSquares',
    )
    equalWithin(t, sums.perBatch, over(sums.batches!, Math.abs), 1e-6, 'perBatch')
    equalWithin(
      t,
      sums.batchSquares,
      over(sums.batches!, (x) => x * x),
      1e-6,
      'batchSquares',
    )
    const first = Array.from({ length: units }, (_, unit) =>
      total([0, 1, 2].map((i) => sums.examples![i * units + unit]!)),
    )
    equalWithin(t, sums.batches!.subarray(0, units), first, 1e-6, 'first minibatch')
    t.true(sums.perToken.every((value, i) => value >= sums.perExample[i]! - 1e-9))
  }
})

test('of sequences of one token, tokens are examples', async (t) => {
  const { model, asked } = await classifier({}, [1, 1, 1, 1, 1])
  const { heads, neurons } = await model.gradients(asked)
  equalExactly(t, heads!.perToken, heads!.perExample, 'heads')
  equalExactly(t, neurons!.perToken, neurons!.perExample, 'neurons')
})

test('sums do not depend on minibatches, nor on how many tokens are computed at a time', async (t) => {
  const { model, asked } = await classifier(
    {},
    Array.from({ length: 90 }, (_, i) => 1 + (i % 12)),
  )
  const weights = ['layers.0.query', 'layers.1.ffnOut']
  const whole = await model.gradients({ ...asked, weights, rows: true })
  const every = Int32Array.from({ length: 91 }, (_, i) => i)
  const single = await model.gradients({ ...asked, weights, rows: true, batches: every })
  equalWithin(t, single.losses, whole.losses, 1e-6, 'losses')
  for (const kind of ['heads', 'neurons'] as const) {
    equalWithin(t, single[kind]!.examples, whole[kind]!.examples!, 1e-6, `examples of ${kind}`)
    for (const name of ['perToken', 'perExample', 'sum', 'exampleSquares'] as const)
      equalWithin(t, single[kind]![name], whole[kind]![name], 1e-6, `${name} of ${kind}`)
    equalExactly(t, single[kind]!.perBatch, single[kind]!.perExample, `minibatches of one of ${kind}`)
  }
  for (const slot of weights) equalWithin(t, single.weights![slot], whole.weights![slot]!, 1e-5, slot)
})

test('rows that do not count leave zeros', async (t) => {
  const { model, asked } = await classifier()
  const loss: Loss = { kind: 'crossEntropy', labels: Int32Array.of(-1, -1, -1, -1) }
  const { losses, heads, weights } = await model.gradients({
    ...asked,
    loss,
    weights: ['layers.1.ffnIn', 'head.output'],
  })
  equalExactly(t, losses, [0, 0, 0, 0], 'losses')
  equalExactly(t, heads!.perToken, [0, 0, 0, 0], 'heads')
  equalExactly(t, weights!['layers.1.ffnIn'], new Float32Array(6 * 16), 'a layer')
  equalExactly(t, weights!['head.output'], new Float32Array(3 * 16), 'the head')
})

test('a pair is an example of the cosine loss, a minibatch one of the similarity loss', async (t) => {
  const next = randomNumbers(24)
  const model = await Differentiable.load(await makeCheckpoint(tiny))
  const batch = packed(model.spec, [3, 1, 5, 2, 4, 4], next)
  const [, cosine, similarity] = lossesFor(model.spec, batch, next)
  const batches = Int32Array.of(0, 2, 6)
  const pairs = await model.gradients({ ...batch, loss: cosine!, heads: true, rows: true, batches })
  t.is(pairs.losses.length, 3)
  t.is(pairs.heads!.examples!.length, 3 * model.heads)
  const like = await model.gradients({ ...batch, loss: similarity!, heads: true, rows: true, batches })
  t.is(like.losses.length, 6)
  // Of two vectors there is nothing to compare.
  equalExactly(t, like.losses.subarray(0, 2), [0, 0], 'a minibatch of two')
  t.true(total(like.losses.subarray(2)) > 0)
})

test('units of weight sets are sums over their applications, before they are reduced', async (t) => {
  const { model, asked } = await classifier({ family: 'albert', layers: 4, groups: 2 })
  const apart = await model.gradients({ ...asked, rows: true })
  const shared = await model.gradients({ ...asked, rows: true, shared: true })
  for (const [kind, units] of [
    ['heads', 2],
    ['neurons', 6],
  ] as const) {
    const summed = shared[kind]!.examples!.map((_, i) => {
      const [example, unit] = [Math.floor(i / (2 * units)), i % (2 * units)]
      const [set, own] = [Math.floor(unit / units), unit % units]
      const row = apart[kind]!.examples!.subarray(example * 4 * units, (example + 1) * 4 * units)
      return total(model.spec.layers.map(({ weights }, at) => (weights === set ? row[at * units + own]! : 0)))
    })
    equalWithin(t, shared[kind]!.examples, summed, 1e-6, kind)
    equalWithin(
      t,
      shared[kind]!.perExample,
      Array.from({ length: 2 * units }, (_, unit) =>
        total(summed.filter((_, i) => i % (2 * units) === unit).map(Math.abs)),
      ),
      1e-6,
      `perExample of ${kind}`,
    )
  }
})

test('taps are what an encoder computes', async (t) => {
  const next = randomNumbers(25)
  for (const options of [
    { head: 'ForSequenceClassification', family: 'mpnet' },
    { head: 'ForMaskedLM', family: 'electra' },
    { family: 'albert', layers: 4, groups: 2, innerGroups: 1 },
  ] as const) {
    const checkpoint = await Checkpoint.open(await makeCheckpoint({ ...tiny, ...options }))
    const [model, encoder] = [
      await Differentiable.load(checkpoint),
      await Encoder.load(checkpoint, { device: 'cpu' }),
    ]
    const batch = packed(model.spec, [7, 1, 12, 3], next)
    const cuts = [...batch.offsets]
    const sequences = cuts.slice(1).map((end, i) => ({
      inputIds: batch.ids.subarray(cuts[i]!, end),
      tokenTypeIds: batch.types.subarray(cuts[i]!, end),
    }))
    const hasHead = model.spec.head !== null
    const outputs = await encoder.run(sequences, {
      outputs: ['hiddenStates', ...(hasHead ? (['logits'] as const) : [])],
    })
    for (const [state, expected] of outputs.hiddenStates!.entries()) {
      const actual = await model.tap({ ...batch, layer: state - 1, what: 'hidden' })
      equalWithin(t, actual, expected, 1e-5, `hidden state ${state}`)
      if (state < model.spec.layers.length)
        equalExactly(t, await model.tap({ ...batch, layer: state, what: 'input' }), actual, `input ${state}`)
    }
    if (hasHead)
      equalWithin(t, await model.tap({ ...batch, layer: 0, what: 'logits' }), outputs.logits!, 1e-5, 'logits')
  }
})

test('taps inside of a layer have their shapes, and gates scale them', async (t) => {
  const next = randomNumbers(26)
  const model = await Differentiable.load(await makeCheckpoint(tiny))
  const batch = packed(model.spec, [3, 1, 5], next)
  const tap = (what: 'context' | 'middle' | 'neurons' | 'probabilities', gates = {}) =>
    model.tap({ ...batch, layer: 1, what, ...gates })
  const [context, middle, neurons, probabilities] = await Promise.all(
    (['context', 'middle', 'neurons', 'probabilities'] as const).map((what) => tap(what)),
  )
  t.deepEqual([context!.length, middle!.length, neurons!.length], [9 * 16, 9 * 16, 9 * 6])
  t.is(probabilities!.length, 2 * (9 + 1 + 25))
  const rows = [...probabilities!.subarray(0, 18)]
  for (let row = 0; row < 18; row += 3)
    closeWithin(t, [total(rows.slice(row, row + 3))], [1], 1e-6, `row ${row}`)
  const halves = {
    headGates: Float32Array.of(1, 1, 1, 0.5),
    neuronGates: Float32Array.from({ length: 12 }, (_, i) => (i === 7 ? 2 : 1)),
  }
  equalExactly(
    t,
    await tap('context', { headGates: halves.headGates }),
    context!.map((x, i) => (i % 16 < 8 ? x : x / 2)),
    'context',
  )
  equalExactly(
    t,
    await tap('neurons', { neuronGates: halves.neuronGates }),
    neurons!.map((x, i) => (i % 6 === 1 ? x * 2 : x)),
    'neurons',
  )
})

test('sentence vectors are tapped as they are pooled', async (t) => {
  const next = randomNumbers(27)
  const model = await Differentiable.load(await makeCheckpoint(tiny))
  const batch = packed(model.spec, [3, 1], next)
  const states = await model.tap({ ...batch, layer: 1, what: 'hidden' })
  const mean = states.subarray(0, 16).map((x, i) => (x + states[16 + i]! + states[32 + i]!) / 3)
  const vectors = await model.tap({ ...batch, layer: 1, what: 'sentence', pooling: 'mean' })
  equalWithin(t, vectors.subarray(0, 16), mean, 1e-6, 'mean of three')
  equalWithin(t, vectors.subarray(16), states.subarray(48), 1e-6, 'mean of one')
})

test('a loss of logits needs a head, and so does a tap', async (t) => {
  const next = randomNumbers(28)
  const model = await Differentiable.load(await makeCheckpoint(tiny))
  const batch = packed(model.spec, [3], next)
  const loss: Loss = { kind: 'crossEntropy', labels: Int32Array.of(0) }
  await t.throwsAsync(model.gradients({ ...batch, loss }), {
    code: 'TASK_UNSUPPORTED',
    message: /no task head/,
  })
  await t.throwsAsync(model.tap({ ...batch, layer: 0, what: 'logits' }), { code: 'TASK_UNSUPPORTED' })
})

test('a disposed encoder refuses, one that is busy ends first, and a signal stops it', async (t) => {
  const { model, asked } = await classifier()
  const running = model.gradients(asked)
  const controller = new AbortController()
  const stopped = model.gradients(asked, controller.signal)
  controller.abort(new Error('enough'))
  await t.throwsAsync(stopped, { message: 'enough' })
  model.dispose()
  model.dispose()
  t.true(total((await running).losses) > 0)
  await t.throwsAsync(async () => model.gradients(asked), { code: 'ENCODER_DISPOSED' })
})

test('a worker may be terminated with gradients in flight', async (t) => {
  const { checkpoint, asked } = await classifier()
  const workerData = {
    addon: new URL('../dist/addon.js', import.meta.url).href,
    load: loadRequest(checkpoint),
    asked: { ...asked, rows: true, weights: ['layers.0.query'], batches: Int32Array.of(0, 4) },
  }
  const body = `
    const { parentPort, workerData } = require('node:worker_threads')
    import(workerData.addon).then(async ({ addon }) => {
      for (let ticket = 0; ; ) {
        const encoder = await addon().loadDifferentiable(workerData.load, { ticket: ticket++ })
        const calls = [1, 2, 3].map(() => addon().gradients(encoder, workerData.asked, { ticket: ticket++ }))
        addon().disposeDifferentiable(encoder)
        parentPort.postMessage('queued')
        await Promise.all(calls)
      }
    })`
  for (const wait of [0, 5, 20]) {
    const worker = new Worker(body, { eval: true, workerData, execArgv: [] })
    await once(worker, 'message')
    await delay(wait)
    t.is(await worker.terminate(), 1)
  }
})
