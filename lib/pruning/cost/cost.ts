import type { LayerSpec } from '../../architecture/spec.js'

export const costKinds = ['operations', 'bytes', 'milliseconds'] as const
/** Multiply-adds of a sequence, bytes as stored, or milliseconds of a batch on a measured device. */
export type CostKind = (typeof costKinds)[number]

/** The heads of a weight set, or its neurons. */
export type CostedBlock = { readonly kind: 'heads' | 'neurons'; readonly set: number }

/** What heads and neurons cost: the sum over weight sets, and what is there without any. */
export type Cost = {
  readonly kind: CostKind
  readonly fixed: number
  /** Of so many units in all layers that apply the weight set: 0 of none, never less of more. */
  readonly of: (block: CostedBlock, count: number) => number
  /** Whether each unit of a block costs the same. */
  readonly linear: boolean
}

/** Weight set → how many of these layers apply it. */
export function applications(layers: readonly Pick<LayerSpec, 'weights'>[]): ReadonlyMap<number, number> {
  const counts = new Map<number, number>()
  for (const { weights } of layers) counts.set(weights, (counts.get(weights) ?? 0) + 1)
  return counts
}

/** Of so many heads and neurons by weight set. */
export function totalCost(cost: Cost, counts: readonly (CostedBlock & { readonly count: number })[]): number {
  return counts.reduce((sum, block) => sum + cost.of(block, block.count), cost.fixed)
}
