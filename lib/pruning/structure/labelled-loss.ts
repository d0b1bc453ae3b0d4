import type { Loss } from '../../../binding.js'
import type { EncoderSpec, HeadKind } from '../../architecture/spec.js'
import type { CalibrationLabels, LabelKind } from '../../calibration/labels.js'
import { expected } from '../../check.js'
import type { GatedModel, Range } from './gated-model.js'

const headOf: Readonly<Record<Exclude<LabelKind, 'scores'>, HeadKind>> = {
  classes: 'sequenceClassification',
  tokens: 'tokenClassification',
  masked: 'maskedLanguage',
  spans: 'questionAnswering',
}

/** Whether the loss of these labels can be computed of the model. */
export function hasLabels(labels: CalibrationLabels | null, { head }: Pick<EncoderSpec, 'head'>): boolean {
  if (labels === null) return false
  return labels.kind === 'scores' || head?.kind === headOf[labels.kind]
}

/**
 * The loss of the calibration data's labels: cross-entropy, of answers over start and end; of pairs with scores the
 * squared distance of their cosine from the score, whose range in the data becomes 0 to 1.
 */
export class LabelledLoss {
  readonly #model: GatedModel
  readonly #labels: CalibrationLabels
  readonly of = "the data's labels"
  /** Sequences of an example. */
  readonly perExample: 1 | 2

  /** @throws TypeError without labels that the model gives; RangeError for labels that it does not know */
  constructor(model: GatedModel, labels: CalibrationLabels | null, at: string) {
    if (labels === null || !hasLabels(labels, model.spec)) {
      const data = labels === null ? 'that has none' : `with ${labels.kind}, which the model does not give`
      const fix = "Open a labelled file as calibration data, or name the loss 'fisher'."
      throw new TypeError(expected(`${at}.loss`, `'fisher' with calibration data ${data}`, 'labels', fix))
    }
    this.#model = model
    this.#labels = labels.kind === 'scores' ? { kind: 'scores', scores: scaled(labels.scores, at) } : labels
    this.perExample = labels.kind === 'scores' ? 2 : 1
  }

  async loss([from, to]: Range): Promise<Loss> {
    const labels = this.#labels
    const { pooling } = this.#model
    if (labels.kind === 'scores')
      return { kind: 'cosine', targets: Float32Array.from(labels.scores.subarray(from / 2, to / 2)), pooling }
    if (labels.kind === 'spans') {
      const { starts, ends } = labels
      return { kind: 'span', starts: starts.slice(from, to), ends: ends.slice(from, to) }
    }
    const byToken = labels.kind !== 'classes'
    const [first, end] = byToken
      ? [this.#model.tokensOf([0, from]), this.#model.tokensOf([0, to])]
      : [from, to]
    return { kind: 'crossEntropy', labels: labels.labels.slice(first, end) }
  }
}

function scaled(scores: Float64Array, at: string): Float64Array {
  const least = scores.reduce((a, b) => Math.min(a, b), Infinity)
  const most = scores.reduce((a, b) => Math.max(a, b), -Infinity)
  if (least < most) return scores.map((score) => (score - least) / (most - least))
  throw new RangeError(expected(`${at}.loss`, "'fisher' where all scores are the same", 'labels'))
}
