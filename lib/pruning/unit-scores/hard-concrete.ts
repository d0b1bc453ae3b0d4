import { checkNumber } from '../../check.js'
import { type Relaxed, trainGates } from './gate-training.js'
import { GatedEncoder } from './gated-encoder.js'
import { objectiveOf } from './objectives.js'
import { checkTraining } from './options.js'
import { uniform } from './uniform.js'
import type { UnitScore } from './unit-score.js'

const temperature = 0.33
const [low, high] = [-0.1, 1.1]

/** Log α at first: gates are open nearly always, for the weights were trained so. */
const open = 2

/**
 * Hard concrete gates with frozen weights (Louizos, Welling & Kingma 2018; on heads Voita et al. 2019): log α of each
 * unit is learned under noise, with `penalty` for each gate that is not zero. The order is that of log α, so that the
 * count is exact whatever the penalty. Without labels the loss is the distance from the dense model.
 */
export const hardConcrete: UnitScore = {
  name: 'hardConcrete',
  units: ['heads', 'neurons'],
  calibrated: true,
  keys: ['loss', 'steps', 'learningRate', 'batch', 'penalty'],

  check: (at, step) => ({
    ...checkTraining(at, step, 0.1),
    penalty: checkNumber(`${at}.penalty`, step.penalty ?? 0.0015, 0, 1000),
  }),

  open(ranked, { loss, steps, learningRate, batch, penalty }) {
    const { context, units } = ranked
    const noise = uniform(context, 2)
    return GatedEncoder.scorer(ranked, async (encoder) => {
      const objective = await objectiveOf(encoder, loss!, 'dense')
      const learned = await trainGates(encoder, objective, {
        ...{ steps: steps!, learningRate: learningRate!, batch: batch! },
        start: new Float64Array(units.length).fill(open),
        next: uniform(context, 3),
        relax: (logAlpha) => relaxed(logAlpha, noise, penalty!),
      })
      return { notes: [`Gates were learned by ${objective.of}.`], scores: async () => learned }
    })
  },
}

/** One draw of the gates; `backward` adds the penalty's derivative. */
function relaxed(logAlpha: Float64Array, noise: () => number, penalty: number): Relaxed {
  const inner = logAlpha.map((value) => {
    const u = noise()
    return sigmoid((Math.log(u / (1 - u)) + value) / temperature)
  })
  const stretched = inner.map((s) => low + (high - low) * s)
  const threshold = temperature * Math.log(-low / high)
  return {
    gates: Float32Array.from(stretched, (gate) => Math.min(1, Math.max(0, gate))),
    backward: (byGates) =>
      logAlpha.map((value, unit) => {
        const s = inner[unit]!
        const clipped = stretched[unit]! <= 0 || stretched[unit]! >= 1
        const slope = clipped ? 0 : ((high - low) * s * (1 - s)) / temperature
        const there = sigmoid(value - threshold)
        return byGates[unit]! * slope + penalty * there * (1 - there)
      }),
  }
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x))
}
