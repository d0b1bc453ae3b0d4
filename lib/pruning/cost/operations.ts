import type { EncoderSpec } from '../../architecture/spec.js'
import type { Cost } from './cost.js'

/**
 * Multiply-adds that heads and neurons make of a sequence of `tokens` tokens (Kwon et al. 2022, section 4): of a head
 * 3 T d d_h for query, key and value, 2 T² d_h for attention and T d_h d for its output, of a neuron 2 T d. Rounded to
 * whole numbers, for the mean of lengths may be none. Embeddings, norms and task heads are not counted.
 * @param applied weight set → layers that apply it
 */
export function operationsCost(
  { hidden, headSize }: Pick<EncoderSpec, 'hidden' | 'headSize'>,
  applied: ReadonlyMap<number, number>,
  tokens: number,
): Cost {
  const head = Math.round(4 * tokens * hidden * headSize + 2 * tokens ** 2 * headSize)
  const neuron = Math.round(2 * tokens * hidden)
  return {
    kind: 'operations',
    fixed: 0,
    linear: true,
    of: ({ kind, set }, count) => (applied.get(set) ?? 0) * (kind === 'heads' ? head : neuron) * count,
  }
}
