import { checkOneOf, expected } from '../../check.js'
import type { UnitScoreFields, UnitScoring } from '../recipe-types.js'
import { GatedEncoder, type Reduction } from './gated-encoder.js'
import { boundaries, examplesOf, type Objective } from './objective.js'
import { objectiveOf } from './objectives.js'
import { checkBatch, checkLoss, checkRounds, refuseFlat } from './options.js'
import type { Ranked, Scorer } from './unit-score.js'

type Estimator = NonNullable<UnitScoring['estimator']>
type Fields = Readonly<Record<string, unknown>>

export const gateGradientKeys = ['loss', 'estimator', 'normalise', 'rounds', 'batch']

/** What scores by derivatives of gates may say. @throws TypeError, RangeError */
export function checkGateGradients(
  at: string,
  step: Fields,
  estimators: readonly Estimator[],
  normalise: 'layer' | 'none',
): UnitScoreFields {
  const estimator = checkOneOf(`${at}.estimator`, step.estimator ?? 'example', estimators)
  if (estimator !== 'batch' && step.batch !== undefined) {
    throw new TypeError(expected(`${at}.batch`, "absent but with the estimator 'batch'", step.batch))
  }
  const loss = checkLoss(at, step)
  const rounds = checkRounds(at, step)
  refuseFlat(at, loss, rounds)
  return {
    ...{ loss, estimator, rounds },
    normalise: checkOneOf(`${at}.normalise`, step.normalise ?? normalise, ['layer', 'none']),
    ...(estimator === 'batch' && { batch: checkBatch(at, step, 1) }),
  }
}

/** Scores that are sums of derivatives by gates, reduced as the estimator says. */
export function openGateGradients(
  ranked: Ranked,
  step: UnitScoring,
  reductions: Partial<Record<Estimator, Reduction>>,
): Promise<Scorer> {
  return GatedEncoder.scorer(ranked, async (encoder) => {
    const objective = await objectiveOf(encoder, step.loss!, 'fisher')
    const first = step.loss === 'dense' ? await objectiveOf(encoder, 'fisher', 'fisher') : objective
    return {
      notes: notesOf(objective, first),
      async scores(gates) {
        const now = gates.every((gate) => gate === 1) ? first : objective
        const examples = examplesOf(now)
        const batches = boundaries(now, Math.ceil(examples / (step.batch ?? examples)))
        const sums = await encoder.derivatives(
          { objective: now, gates, batches },
          reductions[step.estimator!]!,
        )
        return step.normalise === 'layer' ? byLayer(ranked, sums, gates) : sums.map((sum) => sum / examples)
      },
    }
  })
}

function notesOf(objective: Objective, first: Objective): string[] {
  const whole = `Derivatives are those of ${objective.of}.`
  return objective === first ? [whole] : [whole, `In the first round they are those of ${first.of}.`]
}

/** Each weight set's numbers over their Euclidean norm, those of units that are gone not counted. */
function byLayer({ units }: Ranked, values: Float64Array, gates: Float32Array): Float64Array {
  const squares = new Map<number, number>()
  for (const [at, { set }] of units.entries()) {
    squares.set(set, (squares.get(set) ?? 0) + (gates[at]! * values[at]!) ** 2)
  }
  return values.map((value, at) => value / (Math.sqrt(squares.get(units[at]!.set)!) || 1))
}
