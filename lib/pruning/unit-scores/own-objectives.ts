import type { Loss } from '../../../binding.js'
import type { HeadSpec } from '../../architecture/spec.js'
import { expected } from '../../check.js'
import type { GatedEncoder } from './gated-encoder.js'
import { type Batch, batchOf, type Objective, pick, sequencesOf } from './objective.js'
import { argmax, type Choose, chosenLabels, sampled } from './own-labels.js'
import { uniform } from './uniform.js'

/** Logits that are kept as targets: 256 MB. */
const mostTargets = 2 ** 26

/** Cross-entropy of the model's own most likely labels. @throws TypeError for models that choose between none */
export async function likelyObjective(encoder: GatedEncoder): Promise<Objective> {
  const { spec, ranked } = encoder
  if (choosesLabels(spec.head)) return ofLabels(encoder, argmax, "the model's own most likely labels")
  const fix = "The model chooses between no labels: name the loss 'fisher'."
  throw new TypeError(expected(`${ranked.at}.loss`, "another than 'pseudo' for this model", 'pseudo', fix))
}

/**
 * What makes squared derivatives the Fisher information: cross-entropy of labels drawn from the model's own softmax
 * under the seed. Where there is no choice between labels, outputs have a unit normal's variance: they are held against
 * themselves and one more or less, so that derivatives are those of the output itself, doubled; of models without a
 * head the output is the cosine of each two consecutive sequences.
 * @throws RangeError for cosines of fewer than two sequences
 */
export async function sampledObjective(encoder: GatedEncoder): Promise<Objective> {
  const next = uniform(encoder.ranked.context, 1)
  if (choosesLabels(encoder.spec.head)) {
    return ofLabels(encoder, sampled(next), "labels drawn from the model's own probabilities")
  }
  const objective = await ownOutputs(encoder, () => (next() < 0.5 ? -1 : 1))
  return { ...objective, of: `the model's own ${objective.of}` }
}

/**
 * Distance from the model's own outputs before the step: Kullback-Leibler divergence of labels, squared differences
 * of cosines of consecutive sequences, or of what else a head gives. Its derivatives are zero there.
 * @throws RangeError where the outputs are too many, or fewer than two sequences
 */
export async function denseObjective(encoder: GatedEncoder): Promise<Objective> {
  const { head } = encoder.spec
  if (!choosesLabels(head) || head!.kind === 'questionAnswering') {
    const objective = await ownOutputs(encoder, () => 0)
    return { ...objective, of: `the distance from the dense model's ${objective.of}` }
  }
  const batch = batchOf(encoder.ranked.context.calibration!)
  const targets = await logits(encoder, batch)
  const loss = { kind: 'divergence', targets, temperature: 1 } as const
  return { batch, loss, of: "the divergence from the dense model's labels" }
}

/** Squared differences from the numbers that the model gives, each with an offset. */
async function ownOutputs(encoder: GatedEncoder, offset: () => number): Promise<Objective> {
  const batch = batchOf(encoder.ranked.context.calibration!)
  if (encoder.spec.head !== null) {
    const targets = (await logits(encoder, batch)).map((logit) => logit + offset())
    return { batch, loss: { kind: 'squares', of: 'logits', targets }, of: 'logits' }
  }
  const pairs = Math.floor(sequencesOf(batch) / 2)
  if (pairs === 0) {
    throw new RangeError(
      'Expected `calibration` to have two sequences at least for a model without a head, whose cosines are looked at, got one.',
    )
  }
  const even = pick(
    batch,
    Array.from({ length: 2 * pairs }, (_, at) => at),
  )
  const targets = (await cosines(encoder, even, pairs)).map((cosine) => cosine + offset())
  const loss = { kind: 'cosine', targets, pooling: encoder.pooling } as const
  return { batch: even, loss, of: 'cosines of consecutive sequences' }
}

/** (cos + 1)² is the loss against −1, and cos + 1 is never negative. */
async function cosines(encoder: GatedEncoder, batch: Batch, pairs: number): Promise<Float32Array> {
  const loss: Loss = { kind: 'cosine', targets: new Float32Array(pairs).fill(-1), pooling: encoder.pooling }
  const gates = new Float32Array(encoder.ranked.units.length).fill(1)
  const losses = await encoder.losses({ objective: { batch, loss, of: '' }, gates, quiet: true })
  return Float32Array.from(losses, (square) => Math.sqrt(square) - 1)
}

function logits(encoder: GatedEncoder, batch: Batch): Promise<Float32Array> {
  const { labels, input } = encoder.spec.head!
  const rows = input === 'tokens' ? batch.ids.length : sequencesOf(batch)
  if (rows * labels <= mostTargets) return encoder.outputs(batch, 'logits')
  throw new RangeError(
    `Expected \`calibration\` to be of at most ${Math.floor(mostTargets / labels)} tokens for distances from the dense model, which has ${labels} logits for each, got ${rows}. Take less of it, or name the loss 'pseudo'.`,
  )
}

async function ofLabels(encoder: GatedEncoder, choose: Choose, of: string): Promise<Objective> {
  const batch = batchOf(encoder.ranked.context.calibration!)
  return { batch, loss: await chosenLabels(encoder, batch, choose), of: `the cross-entropy of ${of}` }
}

function choosesLabels(head: HeadSpec | null): boolean {
  return head !== null && head.labels > 1
}
