import type { Loss } from '../../../binding.js'
import { checkOneOf, expected } from '../../check.js'
import { type Asked, GatedEncoder } from './gated-encoder.js'
import { refuseNeurons, rises } from './leave-one-out.js'
import { batchOf, boundaries, type Objective, sequencesOf } from './objective.js'
import { checkBatch, checkRounds } from './options.js'
import { normal, uniform } from './uniform.js'
import type { UnitScore } from './unit-score.js'

type Neighbourhoods = Objective & { readonly loss: Loss & { kind: 'similarity' } }

/** What cosines are multiplied with before their softmax (Zhang et al. 2021). */
const scale = 10

/** Of derivatives: passes over the data, and how far vectors are displaced, as a share of their size. */
const [draws, displacement] = [4, 0.03]

/**
 * How much less the sentences of a minibatch resemble one another as they did: Kullback-Leibler divergence between the
 * softmaxes of cosines of centred sentence vectors (of the first token's where that is what a head reads), with
 * everything and without the unit. `by` 'ablation' takes a pass
 * over the data for each head. Derivatives of the divergence are zero where nothing is gone; so `by` 'gradient' takes
 * them from neighbours that are displaced a little at random, squared, four passes in all: of small changes it ranks by
 * what they add to the divergence. No labels are read. That representations should be preserved is the idea of Zhang et
 * al. 2021; their scorer is another.
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
    const next = normal(uniform(ranked.context, 2))
    return GatedEncoder.scorer(ranked, async (encoder) => {
      const objective = await neighbourhoods(encoder)
      const batches = boundaries(objective, Math.max(1, Math.floor(sequencesOf(objective.batch) / size!)))
      const asked = { objective, batches }
      return {
        scores: (gates) =>
          by === 'ablation'
            ? rises(encoder, { ...asked, gates })
            : slopes(encoder, { ...asked, gates, objective }, next),
      }
    })
  },
}

async function neighbourhoods(encoder: GatedEncoder): Promise<Neighbourhoods> {
  const { context } = encoder.ranked
  const batch = batchOf(context.calibration!)
  if (sequencesOf(batch) < 3) {
    throw new RangeError(
      expected('calibration', "of three sequences at least for the score 'similarity'", sequencesOf(batch)),
    )
  }
  // What a head reads is what has to be preserved.
  const first = ['first', 'pooled'].includes(encoder.spec.head?.input ?? '')
  const pooling = first ? 'cls' : encoder.pooling
  const vectors = await encoder.outputs(batch, 'sentence', pooling)
  const loss = { kind: 'similarity', vectors, pooling, scale } as const
  return { batch, loss, of: 'the similarity of sentences' }
}

/** Mean of squared derivatives over draws and minibatches. @returns [units] */
async function slopes(
  encoder: GatedEncoder,
  asked: Asked & { readonly objective: Neighbourhoods },
  next: () => number,
): Promise<Float64Array> {
  const { loss } = asked.objective
  const { vectors } = loss
  const size = Math.sqrt(vectors.reduce((sum, x) => sum + x * x, 0) / vectors.length)
  const total = new Float64Array(asked.gates.length)
  for (let draw = 0; draw < draws; draw++) {
    const moved = vectors.map((x) => x + displacement * size * next())
    const objective = { ...asked.objective, loss: { ...loss, vectors: moved } }
    const squares = await encoder.derivatives({ ...asked, objective }, 'batchSquares')
    for (const [unit, square] of squares.entries()) total[unit]! += square
  }
  return total.map((sum) => sum / (draws * (asked.batches!.length - 1)))
}
