import type { Decision } from '../../checkpoint/decision.js'
import type { Cost, CostedBlock } from '../cost/cost.js'
import { totalCost } from '../cost/cost.js'

/** The heads of a weight set that are there, or its neurons, and what the loss says of them. */
export type Block = CostedBlock & {
  /** Original indices, ascending. */
  readonly indices: readonly number[]
  /** Diagonal of the Fisher information: Σ g² over minibatches or examples, [indices]. */
  readonly importance: Float64Array
  /** g itself, [indices, minibatches or examples]. */
  readonly gradients: Float32Array
}

/** Of each block, which of its units stay: 1 or 0, [indices]. */
export type Kept = readonly Uint8Array[]

export function allKept(blocks: readonly Block[]): Kept {
  return blocks.map(({ indices }) => new Uint8Array(indices.length).fill(1))
}

export function keptCount(flags: Uint8Array): number {
  return flags.reduce((sum, flag) => sum + flag, 0)
}

export function costOfKept(cost: Cost, blocks: readonly Block[], kept: Kept): number {
  return totalCost(
    cost,
    blocks.map(({ kind, set }, at) => ({ kind, set, count: keptCount(kept[at]!) })),
  )
}

/** Places of a block's units, the most important first; of equal ones the earlier. */
export function byImportance({ importance }: Block): number[] {
  return Array.from(importance, (_, place) => place).sort((a, b) => importance[b]! - importance[a]! || a - b)
}

export function withKept(decision: Decision, blocks: readonly Block[], kept: Kept): Decision {
  const heads = new Map(decision.heads)
  const neurons = new Map(decision.neurons)
  for (const [at, { kind, set, indices }] of blocks.entries()) {
    const stay = indices.filter((_, place) => kept[at]![place] === 1)
    if (stay.length === indices.length) continue
    if (kind === 'heads') heads.set(set, stay)
    else neurons.set(set, Int32Array.from(stay))
  }
  return { ...decision, heads, neurons }
}
