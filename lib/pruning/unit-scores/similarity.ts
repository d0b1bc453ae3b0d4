import { checkOneOf, expected } from '../../check.js'
import { GatedEncoder } from './gated-encoder.js'
import { refuseNeurons, rises } from './leave-one-out.js'
import { batchOf, boundaries, type Objective, sequencesOf } from './objective.js'
import { checkBatch, checkRounds } from './options.js'
import type { UnitScore } from './unit-score.js'

/** What cosines are multiplied with before their softmax (Zhang et al. 2021). */
const scale = 10

/** Where derivatives are taken: with all gates open they are zero. */
const nearlyOpen = 0.9

/**
 * How much less the sentences of a minibatch resemble one another as they did: Kullback-Leibler divergence between the
 * softmaxes of cosines of centred sentence vectors, with everything and without the unit. `by` 'ablation' takes a pass
 * over the data for each head; 'gradient' one pass in all, with every gate a tenth closed. No labels are read. The
 * representation-preserving idea is that of Zhang et al. 2021, without their scorer.
 */
export const similarity: UnitScore = {
  name: 'similarity',
  units: ['heads', 'neurons'],
  calibrated: true,
  keys: ['by', 'rounds', 'batch'],

  check(at, step, kind, base) {
    const usual = kind === 'heads' ? 'ablation' : 'gradient'
    const by = checkOneOf(`${at}.by`, step.by ?? usual, ['ablation', 'gradient'])
    if (by === 'ablation') refuseNeurons(at, "similarity' by 'ablation", kind, base)
    // The centred vectors of two sentences are opposite, whatever they are.
    return { by, rounds: checkRounds(at, step), batch: checkBatch(at, step, 3) }
  },

  open(ranked, { by, batch: size }) {
    return GatedEncoder.scorer(ranked, async (encoder) => {
      const objective = await neighbourhoods(encoder)
      const batches = boundaries(objective, Math.max(1, Math.floor(sequencesOf(objective.batch) / size!)))
      if (by === 'ablation') return { scores: (gates) => rises(encoder, { objective, gates, batches }) }
      return {
        async scores(gates) {
          const closing = gates.map((gate) => gate * nearlyOpen)
          const slopes = await encoder.derivatives({ objective, gates: closing, batches }, 'sum')
          return slopes.map((slope) => -slope / sequencesOf(objective.batch))
        },
      }
    })
  },
}

async function neighbourhoods(encoder: GatedEncoder): Promise<Objective> {
  const { context } = encoder.ranked
  const batch = batchOf(context.calibration!)
  if (sequencesOf(batch) < 3) {
    throw new RangeError(
      expected('calibration', "of three sequences at least for the score 'similarity'", sequencesOf(batch)),
    )
  }
  const vectors = await encoder.outputs(batch, 'sentence')
  const loss = { kind: 'similarity', vectors, pooling: encoder.pooling, scale } as const
  return { batch, loss, of: 'the similarity of sentences' }
}
