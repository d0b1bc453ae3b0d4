import type { Checkpoint } from '../index.js'
import { dtypeBytes } from './devices.js'

/** What running a model takes, in bytes: computed from its sizes, not measured. */
export type MemoryEstimate = {
  readonly dtype: keyof typeof dtypeBytes
  readonly weights: number
  readonly activations: number
  /** Tokens of the pass that `activations` is for. */
  readonly tokens: number
}

const tokens = 1024

/** Activations are float32 or 16 bits wide; weights as the dtype says. */
export function estimateMemory(checkpoint: Checkpoint, dtype: MemoryEstimate['dtype']): MemoryEstimate {
  const { spec, slots } = checkpoint
  // A tied decoder is packed once more beside the table that it is.
  const tied = slots.get('head.output.weight')?.name === slots.get('wordEmbeddings')?.name
  const parameters = checkpoint.summary().parameters + (tied ? spec.vocab * spec.embedding : 0)
  return {
    dtype,
    weights: parameters * dtypeBytes[dtype],
    activations: tokens * widest(checkpoint) * Math.max(2, dtypeBytes[dtype]),
    tokens,
  }
}

/** Numbers per token that are alive at once, at most: around the attention, or around the feed-forward. */
function widest({ spec: { hidden, headSize, layers } }: Checkpoint): number {
  const widths = layers.map(({ heads, inner }) => Math.max(4 * heads.length * headSize, 2 * hidden + inner))
  return hidden + Math.max(0, ...widths)
}
