import { maxTokens } from '../../architecture/spec.js'
import type { Checkpoint } from '../../checkpoint/checkpoint.js'
import { packBatch, type Sequence } from '../../encoder/batch.js'
import { type ExampleSource, idsOf } from '../source.js'

/** Token ids, cut where the model has no more positions. @throws TypeError, RangeError as `Encoder.run` */
export function idExamples({ spec }: Checkpoint, sequences: readonly Sequence[]): ExampleSource {
  const limit = maxTokens(spec)
  const short = Array.isArray(sequences)
    ? Array.from(sequences, (sequence) => cut(sequence, limit))
    : sequences
  // Checks them all, so that a refusal names the place in the list.
  packBatch(short, spec)
  const encode = (index: number) => {
    const truncated = idsOf(sequences[index]!).length > limit
    return { sequences: [short[index]!], labels: [], truncated }
  }
  return { count: short.length, kind: null, notes: [], encode }
}

/** What is no sequence stays what it is, for the check to refuse. */
function cut(sequence: Sequence, limit: number): Sequence {
  if (Array.isArray(sequence) || sequence instanceof Int32Array) return sequence.slice(0, limit)
  const { inputIds, tokenTypeIds } = Object(sequence) as Partial<Exclude<Sequence, ArrayLike<number>>>
  if (inputIds === undefined || !(inputIds.length > limit)) return sequence
  if (tokenTypeIds === undefined) return { ...sequence, inputIds: inputIds.slice(0, limit) }
  if (tokenTypeIds.length !== inputIds.length) return sequence
  return { ...sequence, inputIds: inputIds.slice(0, limit), tokenTypeIds: tokenTypeIds.slice(0, limit) }
}
