import type { EncoderSpec, Slot } from '../../architecture/spec.js'
import { dtypeBits } from '../../checkpoint/dtypes.js'
import type { StoredTensor } from '../../checkpoint/stored.js'
import type { Cost } from './cost.js'

/** Weights and biases of heads and neurons in their stored dtypes, those of shared sets once. Others are not counted. */
export function bytesCost(
  { hidden, headSize }: Pick<EncoderSpec, 'hidden' | 'headSize'>,
  slots: ReadonlyMap<Slot, Pick<StoredTensor, 'dtype'>>,
): Cost {
  const sizeOf = (slot: Slot) => dtypeBits[slots.get(slot)!.dtype] / 8
  /** Bytes of one row of a linear with its bias, or of one column. */
  const row = (slot: Slot) => hidden * sizeOf(`${slot}.weight`) + sizeOf(`${slot}.bias`)
  const column = (slot: Slot) => hidden * sizeOf(`${slot}.weight`)
  const head = (set: number) => {
    const inputs = ['query', 'key', 'value'].map((linear) => row(`layers.${set}.${linear}`))
    return headSize * inputs.reduce((sum, bytes) => sum + bytes, column(`layers.${set}.attentionOutput`))
  }
  const neuron = (set: number) => row(`layers.${set}.ffnIn`) + column(`layers.${set}.ffnOut`)
  return {
    kind: 'bytes',
    fixed: 0,
    linear: true,
    of: ({ kind, set }, count) => (kind === 'heads' ? head(set) : neuron(set)) * count,
  }
}
