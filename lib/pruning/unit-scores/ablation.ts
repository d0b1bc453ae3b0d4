import { GatedEncoder } from './gated-encoder.js'
import { refuseNeurons, rises } from './leave-one-out.js'
import { objectiveOf } from './objectives.js'
import { checkLoss, checkRounds } from './options.js'
import type { UnitScore } from './unit-score.js'

/**
 * What the loss gains without the head (Michel, Levy & Neubig 2019, section 3.1): a pass over the data for each head
 * that is there. Without labels the loss is the distance from the dense model.
 */
export const ablation: UnitScore = {
  name: 'ablation',
  units: ['heads', 'neurons'],
  calibrated: true,
  keys: ['loss', 'rounds'],

  check(at, step, kind, base) {
    refuseNeurons(at, 'ablation', kind, base)
    return { loss: checkLoss(at, step, ['fisher']), rounds: checkRounds(at, step) }
  },

  open(ranked, { loss }) {
    return GatedEncoder.scorer(ranked, async (encoder) => {
      const objective = await objectiveOf(encoder, loss!, 'dense')
      return {
        notes: [`Scores are what each head's absence adds to ${objective.of}.`],
        scores: (gates) => rises(encoder, { objective, gates }),
      }
    })
  },
}
