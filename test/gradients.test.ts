/**
 * The differentiable encoder: derivatives by gates and weights against central differences of the loss, in every
 * family and for every loss that fits its head; how they are reduced; what is inside, against Encoder.run.
 */
import test, { type ExecutionContext } from 'ava'
import { Checkpoint, Encoder } from 'twofour'
import type { Loss } from '../binding.js'
import type { Slot } from '../lib/architecture/spec.js'
import { type Asked, Differentiable, gateNames, lossesFor, packed } from './differentiable.js'
import { closeWithin, difference, equalExactly, equalWithin } from './equal.js'
import { type MakeOptions, madeHeads, makeCheckpoint } from './make-checkpoint.js'
import { pruned, storedWeights } from './pruned-weights.js'
import { randomNumbers } from './random-numbers.js'

const next = randomNumbers(61)
const tiny = { hidden: 16, heads: 2, inner: 6, layers: 2, vocab: 24, positions: 12, embedding: 8 } as const
const lengths = [3, 1, 5, 2]
const step = 1e-3

const near = (count: number) => Float32Array.from({ length: count }, () => 0.7 + 0.6 * next())
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
async function compareGates(t: ExecutionContext, model: Differentiable, asked: Asked, what: string) {
  const gates = { headGates: near(model.heads), neuronGates: near(model.neurons) }
  const all = { ...asked, ...gates }
  const { heads, neurons } = await model.gradients({ ...all, heads: true, neurons: true })
  let worst = 0
  for (const [kind, sums] of [
    ['headGates', heads!.sum],
    ['neuronGates', neurons!.sum],
  ] as const) {
    const slopes = await differences(model, all, kind)
    const { largest, scale } = difference(sums, slopes)
    closeWithin(t, sums, slopes, 1e-2 * scale, `${what}, ${kind}`)
    worst = Math.max(worst, largest / (scale || 1))
  }
  return worst
}

/** The layers' linears five times as large, so that gates weigh more than fp32 rounds a loss by. */
async function enlarged(checkpoint: Checkpoint): Promise<Map<Slot, Float32Array>> {
  const slots = [...checkpoint.slots.keys()].filter((slot) => /^layers.*(query|key|value|Output|ffn\w+)\.weight$/.test(slot))
  const values = await Promise.all(slots.map((slot) => storedWeights(checkpoint, slot)))
  return new Map(slots.map((slot, i) => [slot, values[i]!.map((x) => 5 * x)]))
}

async function compareFamily(t: ExecutionContext, options: MakeOptions) {
  const worst: string[] = []
  for (const [index, head] of madeHeads.entries()) {
    const checkpoint = await Checkpoint.open(await makeCheckpoint({ ...tiny, ...options, head, seed: index + 1 }))
    const model = await Differentiable.load(checkpoint, await enlarged(checkpoint))
    const batch = packed(model.spec, lengths, next)
    for (const loss of lossesFor(model.spec, batch, next)) {
      const what = `${head}, ${loss.kind}${'pooling' in loss ? ` of ${loss.pooling}` : ''}`
      const error = await compareGates(t, model, { ...batch, loss }, what)
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
