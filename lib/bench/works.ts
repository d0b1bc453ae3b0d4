import type { EncoderSpec } from '../index.js'
import type { IdBatch, Work } from './subject.js'

/** Every batch size with every length: one forward pass each over token ids that have no meaning. */
export function shapeWorks(
  { vocab }: Pick<EncoderSpec, 'vocab'>,
  batches: readonly number[],
  lengths: readonly number[],
): Work[] {
  return lengths.flatMap((length) =>
    batches.map((sequences) => ({
      name: `${sequences} × ${length} tokens`,
      batches: [meaninglessIds(vocab, sequences, length)],
    })),
  )
}

/** Texts as they come, in batches of `size`; the last may be smaller. */
export function textWork(name: string, ids: readonly (readonly number[])[], size: number): Work {
  const count = Math.ceil(ids.length / size)
  return { name, batches: Array.from({ length: count }, (_, at) => ids.slice(at * size, (at + 1) * size)) }
}

export function sortedByLength(ids: readonly (readonly number[])[]): (readonly number[])[] {
  return [...ids].sort((a, b) => a.length - b.length)
}

/** How many texts and tokens a pass over the work holds. */
export function sizeOf({ batches }: Work): { texts: number; tokens: number } {
  const sequences = batches.flat()
  return { texts: sequences.length, tokens: sequences.reduce((sum, { length }) => sum + length, 0) }
}

/** No two sequences alike; the lowest ids are left out, for there lies the padding. */
function meaninglessIds(vocab: number, sequences: number, length: number): IdBatch {
  const first = Math.min(2, vocab - 1)
  return Array.from({ length: sequences }, (_, i) =>
    Array.from({ length }, (_, j) => first + ((i * 7919 + j * 104_729) % (vocab - first))),
  )
}
