import type { PackedBatch } from '../encoder/batch.js'

/** Sequences of a batch, one after another again. */
export function sequencesOf(batch: PackedBatch, wanted: readonly number[]): PackedBatch {
  const { ids, types, sequenceOffsets } = batch
  const offsets = new Int32Array(wanted.length + 1)
  for (const [at, sequence] of wanted.entries())
    offsets[at + 1] = offsets[at]! + sequenceOffsets[sequence + 1]! - sequenceOffsets[sequence]!
  const gathered = (from: Int32Array) => {
    if (from.length === 0) return from
    const to = new Int32Array(offsets.at(-1)!)
    for (const [at, sequence] of wanted.entries())
      to.set(from.subarray(sequenceOffsets[sequence], sequenceOffsets[sequence + 1]), offsets[at])
    return to
  }
  return { ids: gathered(ids), types: gathered(types), sequenceOffsets: offsets }
}
