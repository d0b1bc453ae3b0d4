import type { Loss } from '../../../binding.js'
import type { GatedEncoder } from './gated-encoder.js'
import { type Batch, pick, sequencesOf } from './objective.js'

/** Logits at a time: 64 MB. */
const mostLogits = 2 ** 24

/** One of the logits of a row: an index. */
export type Choose = (logits: Float32Array) => number

export const argmax: Choose = (logits) =>
  logits.reduce((best, logit, at) => (logit > logits[best]! ? at : best), 0)

/** By their softmax. */
export function sampled(next: () => number): Choose {
  return (logits) => {
    const highest = logits[argmax(logits)]!
    const weights = Float64Array.from(logits, (logit) => Math.exp(logit - highest))
    let left = next() * weights.reduce((sum, weight) => sum + weight, 0)
    for (const [at, weight] of weights.entries()) {
      left -= weight
      if (left < 0) return at
    }
    return logits.length - 1
  }
}

/** The loss of labels that are chosen by the model's own logits, a part of the batch at a time. */
export async function chosenLabels(encoder: GatedEncoder, batch: Batch, choose: Choose): Promise<Loss> {
  const { kind, labels: width } = encoder.spec.head!
  const labels: number[] = []
  const spans: [number, number][] = []
  for (const sequences of parts(encoder, batch)) {
    const part = pick(batch, sequences)
    const logits = await encoder.outputs(part, 'logits')
    if (kind === 'questionAnswering') spans.push(...placesIn(logits, part, choose))
    else
      for (let at = 0; at < logits.length; at += width) labels.push(choose(logits.subarray(at, at + width)))
  }
  if (kind !== 'questionAnswering') return { kind: 'crossEntropy', labels: Int32Array.from(labels) }
  const [starts, ends] = [0, 1].map((which) => Int32Array.from(spans, (span) => span[which]!))
  return { kind: 'span', starts: starts!, ends: ends! }
}

/** Consecutive sequences that have no more logits than may be there at a time. */
function parts({ spec }: GatedEncoder, batch: Batch): number[][] {
  const { labels, input } = spec.head!
  const size = (sequence: number) =>
    labels * (input === 'tokens' ? batch.offsets[sequence + 1]! - batch.offsets[sequence]! : 1)
  const all: number[][] = []
  let room = 0
  for (let sequence = 0; sequence < sequencesOf(batch); sequence++) {
    if (all.length === 0 || size(sequence) > room) {
      all.push([])
      room = mostLogits
    }
    all.at(-1)!.push(sequence)
    room -= size(sequence)
  }
  return all
}

/** Start and end of each sequence, chosen among its tokens; of an empty one neither. */
function placesIn(logits: Float32Array, { offsets }: Batch, choose: Choose): [number, number][] {
  return Array.from({ length: offsets.length - 1 }, (_, sequence) => {
    const own = logits.subarray(2 * offsets[sequence]!, 2 * offsets[sequence + 1]!)
    const column = (which: number) => own.filter((_, at) => at % 2 === which)
    return own.length === 0 ? [-1, -1] : [choose(column(0)), choose(column(1))]
  })
}
