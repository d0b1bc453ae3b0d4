import type { GradientRequest, Loss } from '../../../binding.js'
import type { EncoderSpec } from '../../architecture/spec.js'
import type { Calibration } from '../../calibration/calibration.js'

/** Sequences one after another. */
export type Batch = Pick<GradientRequest, 'ids' | 'types' | 'offsets'>

/** What units are ranked by: a loss over examples. */
export type Objective = {
  readonly batch: Batch
  readonly loss: Loss
  /** In words, for a report. */
  readonly of: string
}

export function sequencesOf({ offsets }: Batch): number {
  return offsets.length - 1
}

/** Sequences that are one example. */
export function perExample({ kind }: Loss): 1 | 2 {
  return kind === 'cosine' ? 2 : 1
}

export function examplesOf({ batch, loss }: Objective): number {
  return sequencesOf(batch) / perExample(loss)
}

export function batchOf({ ids, types, offsets }: Calibration): Batch {
  return { ids, types, offsets }
}

/** Cuts examples into minibatches of nearly the same size, as boundaries between sequences. */
export function boundaries(objective: Objective, minibatches: number): Int32Array {
  const examples = examplesOf(objective)
  const group = perExample(objective.loss)
  return Int32Array.from(
    { length: minibatches + 1 },
    (_, at) => group * Math.floor((at * examples) / minibatches),
  )
}

/** The objective over some of its examples, by index. */
export function partOf(objective: Objective, spec: EncoderSpec, examples: readonly number[]): Objective {
  const { batch, loss, of } = objective
  const group = perExample(loss)
  const sequences = examples.flatMap((example) =>
    Array.from({ length: group }, (_, at) => example * group + at),
  )
  const some = pick(batch, sequences)
  return { batch: some, loss: partOfLoss(loss, batch, spec, { examples, sequences }), of }
}

/** Some sequences of a batch, in the order of their indices here. */
export function pick({ ids, types, offsets }: Batch, sequences: readonly number[]): Batch {
  const ends = sequences.map((sequence) => offsets[sequence + 1]! - offsets[sequence]!)
  const tokens = tokensOf(offsets, sequences)
  let end = 0
  return {
    ids: Int32Array.from(tokens, (token) => ids[token]!),
    types: types.length === 0 ? types : Int32Array.from(tokens, (token) => types[token]!),
    offsets: Int32Array.from([0, ...ends.map((length) => (end += length))]),
  }
}

type Chosen = { readonly examples: readonly number[]; readonly sequences: readonly number[] }

function partOfLoss(loss: Loss, batch: Batch, spec: EncoderSpec, { examples, sequences }: Chosen): Loss {
  const byToken = spec.head?.input === 'tokens'
  const rows = byToken ? tokensOf(batch.offsets, sequences) : sequences
  switch (loss.kind) {
    case 'crossEntropy':
      return { ...loss, labels: Int32Array.from(rows, (row) => loss.labels[row]!) }
    case 'span': {
      const [starts, ends] = [loss.starts, loss.ends].map((all) =>
        Int32Array.from(sequences, (at) => all[at]!),
      )
      return { ...loss, starts: starts!, ends: ends! }
    }
    case 'cosine':
      return { ...loss, targets: Float32Array.from(examples, (pair) => loss.targets[pair]!) }
    case 'similarity':
      return { ...loss, vectors: rowsOf(loss.vectors, sequences, spec.hidden) }
    case 'divergence':
      return { ...loss, targets: rowsOf(loss.targets, rows, spec.head!.labels) }
    case 'squares':
      return loss.of === 'sentence'
        ? { ...loss, targets: rowsOf(loss.targets, sequences, spec.hidden) }
        : { ...loss, targets: rowsOf(loss.targets, rows, spec.head!.labels) }
  }
}

function tokensOf(offsets: Int32Array, sequences: readonly number[]): number[] {
  return sequences.flatMap((sequence) => {
    const begin = offsets[sequence]!
    return Array.from({ length: offsets[sequence + 1]! - begin }, (_, at) => begin + at)
  })
}

function rowsOf(values: Float32Array, rows: readonly number[], width: number): Float32Array {
  const some = new Float32Array(rows.length * width)
  for (const [at, row] of rows.entries())
    some.set(values.subarray(row * width, (row + 1) * width), at * width)
  return some
}
