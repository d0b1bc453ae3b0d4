import type { HeadKind } from '../../architecture/spec.js'
import type { CalibrationLabels } from '../../calibration/labels.js'
import { expected } from '../../check.js'
import type { GatedEncoder } from './gated-encoder.js'
import { batchOf, type Objective } from './objective.js'

const heads: Readonly<Record<Exclude<CalibrationLabels['kind'], 'scores'>, HeadKind>> = {
  classes: 'sequenceClassification',
  tokens: 'tokenClassification',
  masked: 'maskedLanguage',
  spans: 'questionAnswering',
}

/**
 * The loss of the calibration data's labels: cross-entropy, of question answering over start and end; of pairs with
 * scores the squared distance of their cosine from the score, whose range in the data becomes 0 to 1.
 * @throws TypeError without labels, or with those of another head; RangeError
 */
export function labelledObjective({ spec, ranked, pooling }: GatedEncoder): Objective {
  const calibration = ranked.context.calibration!
  const { labels } = calibration
  const what = `${ranked.at}.loss`
  if (labels === null) {
    const fix = "Open a labelled file as calibration data, or name the loss 'fisher'."
    throw new TypeError(
      expected(what, "another than 'labels' with calibration data that has none", 'labels', fix),
    )
  }
  const batch = batchOf(calibration)
  if (labels.kind === 'scores') {
    const targets = scaled(labels.scores, what)
    const loss = { kind: 'cosine', targets, pooling } as const
    return { batch, loss, of: "the squared distance of pairs' cosines from their scores" }
  }
  if (spec.head?.kind !== heads[labels.kind]) {
    throw new TypeError(
      `Expected \`calibration\` to have labels that the model gives, got ${labels.kind}, which are ${heads[labels.kind]}'s.`,
    )
  }
  if (labels.kind === 'spans') {
    const { starts, ends } = labels
    const loss = { kind: 'span', starts, ends } as const
    return { batch, loss, of: "the cross-entropy of the answers' places" }
  }
  checkLabels(labels.labels, spec.head.labels)
  const loss = { kind: 'crossEntropy', labels: labels.labels } as const
  return { batch, loss, of: "the cross-entropy of the data's labels" }
}

function checkLabels(labels: Int32Array, count: number): void {
  const most = labels.reduce((highest, label) => Math.max(highest, label), 0)
  if (most < count) return
  throw new RangeError(
    `Expected \`calibration\` to have labels up to ${count - 1}, got ${most}. Make it from the same checkpoint.`,
  )
}

function scaled(scores: Float64Array, what: string): Float32Array {
  const least = scores.reduce((a, b) => Math.min(a, b))
  const most = scores.reduce((a, b) => Math.max(a, b))
  if (least < most) return Float32Array.from(scores, (score) => (score - least) / (most - least))
  throw new RangeError(expected(what, "another than 'labels' where all scores are the same", 'labels'))
}
