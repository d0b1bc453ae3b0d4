import type { UnitLoss } from '../recipe-types.js'
import type { GatedEncoder } from './gated-encoder.js'
import { labelledObjective } from './labelled-objective.js'
import type { Objective } from './objective.js'
import { denseObjective, likelyObjective, sampledObjective } from './own-objectives.js'

/**
 * The loss that a step names; `auto` is that of the labels where the calibration data has some.
 * @param otherwise what `auto` is without labels
 * @throws TypeError, RangeError where the data or the model does not fit it
 */
export async function objectiveOf(
  encoder: GatedEncoder,
  loss: UnitLoss,
  otherwise: 'fisher' | 'dense',
): Promise<Objective> {
  const { labels } = encoder.ranked.context.calibration!
  const named = loss !== 'auto' ? loss : labels === null ? otherwise : 'labels'
  switch (named) {
    case 'labels':
      return labelledObjective(encoder)
    case 'pseudo':
      return likelyObjective(encoder)
    case 'fisher':
      return sampledObjective(encoder)
    case 'dense':
      return denseObjective(encoder)
  }
}
