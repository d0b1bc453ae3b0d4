import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import test, { type ExecutionContext } from 'ava'
import type { MomentsHandle, WalkStage } from '../binding.js'
import { addon } from '../lib/addon.js'
import type { Slot } from '../lib/architecture/spec.js'
import { Checkpoint } from '../lib/checkpoint/checkpoint.js'
import { packBatch, type Sequence } from '../lib/encoder/batch.js'
import { Encoder } from '../lib/encoder/encoder.js'
import { equalExactly, equalWithin } from './equal.js'
import { type MakeOptions, madeFamilies, makeCheckpoint } from './make-checkpoint.js'
import { pruned, savedAndOpened, storedWeights } from './pruned-weights.js'
import { randomNumbers } from './random-numbers.js'
import { type LayerTrace, productsOf, type Rows, rowsOf, sumsOf, traceLayer } from './reference-layer.js'
import { type Described, stages, stepWeights, Walking, walkRequest } from './walking.js'

const next = randomNumbers(66)
const odd: MakeOptions = { hidden: 36, heads: 4, inner: 50, layers: 3, positions: 40 }
const lengths = [1, 13, 2, 33, 5, 7]

function sequencesOf(checkpoint: Checkpoint, of = lengths): Sequence[] {
  const { vocab, tokenTypes } = checkpoint.spec
  const below = (count: number) => Math.floor(next() * count)
  return of.map((length) => {
    const inputIds = Array.from({ length }, () => below(vocab))
    return tokenTypes > 1 ? { inputIds, tokenTypeIds: inputIds.map(() => below(tokenTypes)) } : inputIds
  })
}

async function opened(options: MakeOptions): Promise<Checkpoint> {
  return Checkpoint.open(await makeCheckpoint(options))
}

/** [states][tokens][hidden] by the forward pass. */
async function statesOf(checkpoint: Checkpoint, sequences: readonly Sequence[]): Promise<Rows[]> {
  const encoder = await Encoder.load(checkpoint, { device: 'cpu' })
  const { hiddenStates } = await encoder.run(sequences, { outputs: ['hiddenStates'] })
  encoder.dispose()
  return hiddenStates!.map((state) => rowsOf(state, checkpoint.spec.hidden))
}

const squaresOf = (rows: Rows) => sumsOf(rows.map((row) => row.map((value) => value ** 2)))

/** Compares all that moments have with the sums over x, and over y where there is a target. */
function momentsAre(t: ExecutionContext, moments: Described, x: Rows, y: Rows | null, what: string): void {
  const tolerance = 1e-5
  t.is(moments.tokens, x.length, what)
  t.is(moments.rows, y?.[0]?.length ?? 0, what)
  const { columns } = moments
  equalWithin(t, moments.sums, sumsOf(x), tolerance, `${what}: sums`)
  equalWithin(t, moments.squares, squaresOf(x), tolerance, `${what}: squares`)
  equalWithin(t, moments.targets, sumsOf(y ?? []), tolerance, `${what}: targets`)
  equalWithin(t, moments.energies, squaresOf(y ?? []), tolerance, `${what}: energies`)
  equalWithin(t, moments.products, productsOf(x, x), tolerance, `${what}: products`, [columns, columns])
  const cross = y === null ? [] : productsOf(y, x)
  equalWithin(t, moments.cross, cross, tolerance, `${what}: cross`, [moments.rows, columns])
}

for (const family of madeFamilies) {
  test(`a walk of ${family} stands on the hidden states of the forward pass before each layer`, async (t) => {
    const checkpoint = await opened({ ...odd, family })
    const sequences = sequencesOf(checkpoint)
    const states = await statesOf(checkpoint, sequences)
    const walk = await Walking.open(checkpoint, sequences, { chunkTokens: 20 })
    for (const layer of checkpoint.spec.layers.keys()) {
      const moments = await walk.collect(layer, 'attention')
      momentsAre(t, moments, states[layer]!, null, `layer ${layer}`)
      await walk.advance(layer)
    }
    walk.dispose()
  })

  test(`a dense walk of ${family} beside equal weights has W Σ x xᵀ + b Σ x as its targets`, async (t) => {
    const checkpoint = await opened({ ...odd, family })
    const walk = await Walking.open(checkpoint, sequencesOf(checkpoint), { dense: true, chunkTokens: 20 })
    for (const [layer, { weights: set }] of checkpoint.spec.layers.entries()) {
      for (const stage of stages) {
        const what = `layer ${layer}, ${stage}`
        const moments = await walk.collect(layer, stage, { target: 'dense' })
        const [weight, bias] = await linearOf(checkpoint, set, stage)
        const { columns, rows } = moments
        const reference = Float64Array.from({ length: rows * columns }, (_, i) => {
          const [row, column] = [Math.floor(i / columns), i % columns]
          let sum = bias[row]! * moments.sums[column]!
          for (let k = 0; k < columns; k++)
            sum += weight[row * columns + k]! * moments.products[k * columns + column]!
          return sum
        })
        equalWithin(t, moments.cross, reference, 1e-5, what, [rows, columns])
      }
      await walk.advance(layer)
    }
    walk.dispose()
  })
}

/** The weights and the biases of a stage's linears, one below the other. */
async function linearOf(
  checkpoint: Checkpoint,
  set: number,
  stage: WalkStage,
): Promise<[weight: number[], bias: number[]]> {
  const names = stage === 'attention' ? ['query', 'key', 'value'] : [stage]
  const read = async (part: string) => {
    const all = names.map((name) => storedWeights(checkpoint, `layers.${set}.${name}.${part}` as Slot))
    return (await Promise.all(all)).flatMap((values) => [...values])
  }
  return [await read('weight'), await read('bias')]
}

const reluModel = () => opened({ ...odd, layers: 2, config: { hidden_act: 'relu' } })

/** What the stage's target is by its definition. */
function targetOf(stage: WalkStage, dense: LayerTrace, present: LayerTrace): Rows {
  const y = dense.outputs[stage]
  if (stage === 'attention' || stage === 'ffnIn') return y
  const beside = stage === 'attentionOutput' ? 'attention' : 'ffnIn'
  return y.map((row, i) => row.map((value, j) => value + dense[beside][i]![j]! - present[beside][i]![j]!))
}

test('moments on a pruned prefix, and their dense targets, are the formulas in doubles', async (t) => {
  const base = await reluModel()
  const checkpoint = await pruned(base, [
    { score: 'magnitude', pattern: 'unstructured', fraction: 0.5 },
    { pattern: 'heads', list: { 0: [1], 1: [0, 3] } },
    { score: 'magnitude', pattern: 'neurons', fraction: 0.3 },
  ])
  const masked = await savedAndOpened(checkpoint, 'masked')
  const sequences = sequencesOf(base)
  const { sequenceOffsets } = packBatch(sequences, base.spec)
  const walk = await Walking.open(checkpoint, sequences, { dense: true, chunkTokens: 20 })
  let [present, dense] = [(await statesOf(masked, sequences))[0]!, (await statesOf(base, sequences))[0]!]
  for (const layer of [0, 1]) {
    const traces = [
      await traceLayer(masked, layer, sequenceOffsets, present),
      await traceLayer(base, layer, sequenceOffsets, dense),
    ] as const
    for (const stage of stages) {
      const what = `layer ${layer}, ${stage}`
      const y = targetOf(stage, traces[1], traces[0])
      momentsAre(t, await walk.collect(layer, stage), traces[0][stage], null, `${what}, own`)
      const moments = await walk.collect(layer, stage, { target: 'dense' })
      momentsAre(t, moments, traces[0][stage], y, `${what}, dense`)
    }
    await walk.advance(layer)
    ;[present, dense] = [traces[0].hidden, traces[1].hidden]
  }
  walk.dispose()
})

/** Moments of a stage by one walk alone. */
async function alone(
  checkpoint: Checkpoint,
  sequences: readonly Sequence[],
  stage: WalkStage,
  options: Parameters<typeof Walking.open>[2] = {},
): Promise<Described> {
  const walk = await Walking.open(checkpoint, sequences, { dense: true, ...options })
  await walk.advance(0)
  const moments = await walk.collect(1, stage, { target: 'dense' })
  walk.dispose()
  return moments
}

const fields = ['sums', 'squares', 'products', 'cross', 'targets', 'energies'] as const

test('chunks and threads change nothing but the last digits', async (t) => {
  const checkpoint = await reluModel()
  const sequences = sequencesOf(checkpoint, [...lengths, ...lengths, ...lengths])
  for (const stage of stages) {
    const whole = await alone(checkpoint, sequences, stage)
    for (const chunkTokens of [1, 14, 50]) {
      const moments = await alone(checkpoint, sequences, stage, { chunkTokens })
      for (const field of fields)
        equalWithin(t, moments[field], whole[field], 1e-6, `${stage} in chunks of ${chunkTokens}: ${field}`)
      const threaded = await alone(checkpoint, sequences, stage, { chunkTokens, threads: 3 })
      for (const field of fields) equalExactly(t, threaded[field], moments[field], `${stage}: ${field}`)
    }
  }
})

test('only tokens that are counted are summed; the others are still attended to', async (t) => {
  const checkpoint = await reluModel()
  const sequences = sequencesOf(checkpoint)
  const states = await statesOf(checkpoint, sequences)
  // Nothing of the first sequence, all of the third.
  const counted = Uint8Array.from(states[0]!, (_, i) =>
    i === 0 ? 0 : i === 14 || i === 15 || i % 3 === 0 ? 1 : 0,
  )
  const rows = states[1]!.filter((_, i) => counted[i] === 1)
  const walk = await Walking.open(checkpoint, sequences, { counted, chunkTokens: 2 })
  await walk.advance(0)
  momentsAre(t, await walk.collect(1, 'attention'), rows, null, 'some')
  walk.dispose()
  const none = await alone(checkpoint, sequences, 'ffnOut', { counted: counted.fill(0) })
  t.is(none.tokens, 0)
  for (const field of fields) t.true(none[field].length > 0 && none[field].every((value) => value === 0))
})

test('without full there are only squares', async (t) => {
  const checkpoint = await reluModel()
  const walk = await Walking.open(checkpoint, sequencesOf(checkpoint), { dense: true })
  for (const stage of stages) {
    const full = await walk.collect(0, stage)
    const diagonal = await walk.collect(0, stage, { full: false })
    t.is(diagonal.products.length, 0)
    t.is(diagonal.cross.length, 0)
    equalExactly(t, diagonal.squares, full.squares, stage)
    const { columns } = full
    const squares = Float64Array.from({ length: columns }, (_, i) => full.products[i * (columns + 1)]!)
    equalWithin(t, squares, full.squares, 1e-6, `${stage}: the diagonal`)
  }
  walk.dispose()
})

test('moments of one weight set are summed over its applications', async (t) => {
  const checkpoint = await opened({ ...odd, family: 'albert' })
  const sequences = sequencesOf(checkpoint)
  const states = await statesOf(checkpoint, sequences)
  const walk = await Walking.open(checkpoint, sequences, { chunkTokens: 20 })
  let into: MomentsHandle | undefined
  for (const layer of checkpoint.spec.layers.keys()) {
    const again = await walk.handle(layer, 'attention', into === undefined ? {} : { into })
    into ??= again
    await walk.advance(layer)
  }
  momentsAre(t, addon().describeMoments(into!), states.slice(0, -1).flat(), null, 'all applications')
  walk.dispose()
})

const layer = (heads: number[], inner: number) => ({ weights: 0, heads, inner })
const empty: [what: string, layers: object[]][] = [
  ['heads', [layer([], 50), { ...layer([2], 50), weights: 1 }]],
  ['neurons', [layer([0, 1, 2, 3], 0), { ...layer([0], 7), weights: 1 }]],
]
for (const [what, layers] of empty)
  test(`a layer without ${what} has moments of no columns, and lets through what it makes`, async (t) => {
    const config = { num_hidden_layers: 2, twofour: { version: 1, headSize: 9, layers } }
    const checkpoint = await opened({ ...odd, layers: 2, config })
    const sequences = sequencesOf(checkpoint, [1])
    const states = await statesOf(checkpoint, sequences)
    const walk = await Walking.open(checkpoint, sequences, { dense: true })
    const moments = await walk.collect(0, what === 'heads' ? 'attentionOutput' : 'ffnOut', {
      target: 'dense',
    })
    t.deepEqual([moments.tokens, moments.columns, moments.rows], [1, 0, 36])
    t.deepEqual([moments.products.length, moments.cross.length], [0, 0])
    await walk.advance(0)
    momentsAre(t, await walk.collect(1, 'attention'), states[1]!, null, 'behind it')
    walk.dispose()
  })

test('a walk that is restarted finds what it found', async (t) => {
  const checkpoint = await reluModel()
  const walk = await Walking.open(checkpoint, sequencesOf(checkpoint), { dense: true })
  const first = await walk.collect(0, 'ffnOut', { target: 'dense' })
  for (const layer of [0, 1]) await walk.advance(layer)
  await walk.restart()
  const again = await walk.collect(0, 'ffnOut', { target: 'dense' })
  for (const field of fields) equalExactly(t, again[field], first[field], field)
  walk.dispose()
})

test('a step that is aborted leaves the walk where it stood', async (t) => {
  const checkpoint = await reluModel()
  const sequences = sequencesOf(checkpoint)
  const reference = await alone(checkpoint, sequences, 'ffnIn', { chunkTokens: 1 })
  const walk = await Walking.open(checkpoint, sequences, { dense: true, chunkTokens: 1 })
  const reason = new Error('enough')
  // Thrown while the first step runs or when it has ended: either way it is rejected.
  const abort = {
    onProgress: () => {
      throw reason
    },
  }
  t.is(await t.throwsAsync(walk.handle(0, 'ffnOut', abort)), reason)
  // Later, the step might have ended before it is noticed.
  t.is(await t.throwsAsync(walk.advance(0, { signal: AbortSignal.abort(reason) })), reason)
  await walk.advance(0)
  const moments = await walk.collect(1, 'ffnIn', { target: 'dense' })
  for (const field of fields) equalExactly(t, moments[field], reference[field], field)
  walk.dispose()
})

test('progress counts chunks', async (t) => {
  const checkpoint = await reluModel()
  const walk = await Walking.open(checkpoint, sequencesOf(checkpoint), { chunkTokens: 1 })
  const seen: [number, number][] = []
  await walk.collect(0, 'ffnOut', { onProgress: (done, total) => seen.push([done, total]) })
  t.true(seen.length > 0 && seen.every(([done, total]) => total === lengths.length && done < total))
  walk.dispose()
})

test('steps out of order are refused with a sentence', async (t) => {
  const checkpoint = await reluModel()
  const sequences = sequencesOf(checkpoint)
  const walk = await Walking.open(checkpoint, sequences)
  const refused = (call: Promise<unknown>, message: RegExp) =>
    t.throwsAsync(call, { code: 'INTERNAL', message })
  await refused(walk.handle(1, 'attention'), /Expected `layer` to be 0, which the walk stands before, got 1/)
  await refused(walk.advance(1), /Expected `layer` to be 0/)
  await refused(walk.handle(0, 'ffnIn', { target: 'dense' }), /Expected `target` to be 'own'/)
  const into = await walk.handle(0, 'attentionOutput')
  await refused(
    walk.handle(0, 'attention'),
    /Expected `stage` to be attentionOutput or a later one .* got attention/,
  )
  await refused(
    walk.handle(0, 'ffnOut', { into }),
    /Expected `into` to be moments of the same stage and kind/,
  )
  await refused(walk.handle(0, 'attentionOutput', { into, full: false }), /Expected `into`/)
  for (const layer of [0, 1]) await walk.advance(layer)
  await refused(walk.handle(2, 'attention'), /behind its last layer. Restart it/)
  await refused(walk.advance(2), /behind its last layer/)
  const queued = walk.restart()
  walk.dispose()
  walk.dispose()
  await t.notThrowsAsync(queued)
  await refused(walk.restart(), /This walk was disposed/)
})

test('weights that are gone are an error when they are needed, and the walk can be restarted', async (t) => {
  const checkpoint = await reluModel()
  const lost = { ...checkpoint.slots.get('layers.0.query.weight')!, file: join('nowhere', 'at all') }
  const slots = new Map([...checkpoint.slots, ['layers.0.query.weight', lost]])
  const broken = { base: checkpoint.base, decision: null, slots } as const
  const walk = await Walking.open(broken, sequencesOf(checkpoint))
  t.true((await walk.collect(0, 'attention')).tokens > 0)
  for (const step of [walk.handle(0, 'attentionOutput'), walk.advance(0)])
    await t.throwsAsync(step, { code: 'FILE_NOT_FOUND' })
  await walk.restart()
  t.true((await walk.collect(0, 'attention')).tokens > 0)
  walk.dispose()
})

test('a worker may be terminated with steps of a walk in flight', async (t) => {
  const checkpoint = await reluModel()
  const sequences = sequencesOf(checkpoint)
  const options = { dense: true, chunkTokens: 1 }
  const workerData = {
    addon: new URL('../dist/addon.js', import.meta.url).href,
    open: walkRequest(checkpoint, sequences, options),
    step: stepWeights(checkpoint, options),
  }
  const body = `
    const { parentPort, workerData } = require('node:worker_threads')
    import(workerData.addon).then(async ({ addon }) => {
      for (let ticket = 0; ; ) {
        const walk = await addon().openWalk(workerData.open, { ticket: ticket++ })
        const request = { layer: 0, stage: 'ffnOut', full: true, target: 'dense', ...workerData.step }
        const steps = [1, 2, 3].map(() => addon().collectMoments(walk, request, { ticket: ticket++ }))
        steps.push(addon().advanceWalk(walk, request, { ticket: ticket++ }))
        addon().disposeWalk(walk)
        parentPort.postMessage('queued')
        await Promise.all(steps)
      }
    })`
  for (const wait of [0, 5, 20]) {
    const worker = new Worker(body, { eval: true, workerData, execArgv: [] })
    await once(worker, 'message')
    await delay(wait)
    t.is(await worker.terminate(), 1)
  }
})
