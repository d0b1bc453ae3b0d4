import { trainGates } from './gate-training.js'
import { GatedEncoder } from './gated-encoder.js'
import { objectiveOf } from './objectives.js'
import { checkTraining } from './options.js'
import { softSubset } from './soft-subset.js'
import { uniform } from './uniform.js'
import type { Ranked, UnitScore } from './unit-score.js'

/** Of the softmaxes, falling log-linearly from the first step to the last. */
const [hottest, coldest] = [1000, 1e-8]

/**
 * Differentiable subset pruning with frozen weights (Li, Cotterell & Sachan 2021, "pipelined"): a number for each head
 * is learned under Gumbel noise, gates being a relaxed choice of as many heads as the step leaves. The highest numbers
 * stay, so that the count is exact. Without labels the loss is the distance from the dense model.
 */
export const subset: UnitScore = {
  name: 'subset',
  units: ['heads'],
  calibrated: true,
  keys: ['loss', 'steps', 'learningRate', 'batch'],
  check: (at, step) => checkTraining(at, step, 0.5),

  open(ranked, { loss, steps, learningRate, batch }) {
    const { context, units, count } = ranked
    const noise = uniform(context, 2)
    return GatedEncoder.scorer(ranked, async (encoder) => {
      const objective = await objectiveOf(encoder, loss!, 'dense')
      const learned = await trainGates(encoder, objective, {
        ...{ steps: steps!, learningRate: learningRate!, batch: batch! },
        start: firstNumbers(ranked),
        next: uniform(context, 3),
        relax(numbers, part) {
          const temperature = Math.exp(Math.log(hottest) + part * Math.log(coldest / hottest))
          const noisy = numbers.map((number) => number - Math.log(-Math.log(noise())))
          return softSubset(noisy, units.length - count, temperature)
        },
      })
      return { notes: [`Gates were learned by ${objective.of}.`], scores: async () => learned }
    })
  },
}

/** Glorot & Bengio's uniform numbers, as for a matrix of sets and their heads. */
function firstNumbers({ context, sets, units }: Ranked): Float64Array {
  const next = uniform(context, 4)
  const bound = Math.sqrt(6 / (sets.length + units.length / Math.max(1, sets.length)))
  return Float64Array.from(units, () => bound * (2 * next() - 1))
}
