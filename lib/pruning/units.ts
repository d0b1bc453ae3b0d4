import type { Decision } from '../checkpoint/decision.js'
import { keptHeads, layerOfSet } from '../checkpoint/structure.js'
import { complement } from './bits.js'
import type { StepContext } from './pattern.js'

/** What a step removes whole. */
export type UnitKind = 'heads' | 'neurons'

/** A head or a neuron of a weight set, by its original index. Those of shared sets are gone from all layers. */
export type Unit = { readonly set: number; readonly index: number }

type Decided = Pick<StepContext, 'base' | 'decision'>

/** Units of a weight set that are there, as ascending original indices. */
export function keptUnits({ base, decision }: Decided, kind: UnitKind, set: number): readonly number[] {
  if (kind === 'heads') return keptHeads(base, decision, set)
  const kept = decision.neurons.get(set)
  return kept === undefined ? complement([], layerOfSet(base, set).inner) : Array.from(kept)
}

/** Units that are there, by weight set and then by index. */
export function presentUnits(context: Decided, kind: UnitKind, sets: readonly number[]): Unit[] {
  return sets.flatMap((set) => keptUnits(context, kind, set).map((index) => ({ set, index })))
}

/** Units that the base has stored. */
export function storedUnits({ base }: Pick<StepContext, 'base'>, kind: UnitKind, set: number): number {
  const { heads, inner } = layerOfSet(base, set)
  return kind === 'heads' ? heads.length : inner
}

/** The decision after units of weight sets are gone; those that were gone already stay so. */
export function withoutUnits(
  context: Decided,
  kind: UnitKind,
  gone: ReadonlyMap<number, ReadonlySet<number>>,
): Decision {
  const { decision } = context
  const left = [...gone].map(([set, indices]) => {
    return [set, keptUnits(context, kind, set).filter((index) => !indices.has(index))] as const
  })
  if (kind === 'heads') return { ...decision, heads: new Map([...decision.heads, ...left]) }
  const neurons = left.map(([set, kept]) => [set, Int32Array.from(kept)] as const)
  return { ...decision, neurons: new Map([...decision.neurons, ...neurons]) }
}
