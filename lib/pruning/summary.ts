import type { Slot } from '../architecture/spec.js'
import type { Decision } from '../checkpoint/decision.js'
import { keptHeads, keptInner } from '../checkpoint/structure.js'
import { decidedBits, isDropped, type PlanBase, prunableSlots } from './base.js'
import { countBits, elementsOf } from './bits.js'

/** What is left of something: `density` is kept / elements, 1 where there is nothing. */
export type Density = { readonly elements: number; readonly kept: number; readonly density: number }

export type DecisionSummary = {
  /** The linears of the layers that stay, with heads and neurons counted as zeros; word embeddings when pruned. */
  readonly slots: readonly ({ readonly slot: Slot; readonly name: string } & Density)[]
  /** The layers that stay. `layer` is an index of the base, and so are `heads`. */
  readonly layers: readonly {
    readonly layer: number
    readonly weights: number
    readonly heads: readonly number[]
    readonly neurons: number
  }[]
  /** Over the linears of all the base's layers, and the word embeddings when pruned; shared sets once. */
  readonly prunable: Density
  /** Over all parameters of the base, tied tensors once. */
  readonly all: Density
}

/** Counts what a decision leaves. Reads no weights: zeros that the base has by itself count as kept. */
export function summarizeDecision(base: Omit<PlanBase, 'hash'>, decision: Decision): DecisionSummary {
  const kept = countKept(base, decision)
  const prunable = prunableSlots(base).filter((slot) => slot !== 'wordEmbeddings' || decision.masks.has(slot))
  const density = (slots: readonly Slot[]) => {
    const elements = sum(slots.map((slot) => elementsOf(base.slots.get(slot)!.shape)))
    return densityOf(elements, sum(slots.map((slot) => kept.get(slot)!)))
  }
  return {
    slots: prunable
      .filter((slot) => !isDropped(base, decision, slot))
      .map((slot) => ({ slot, name: base.slots.get(slot)!.name, ...density([slot]) })),
    layers: decision.layers.map((layer) => {
      const { weights } = base.layers[layer]!
      const heads = keptHeads(base, decision, weights)
      return { layer, weights, heads, neurons: keptInner(base, decision, weights) }
    }),
    prunable: density(prunable),
    all: density(withoutTies(base)),
  }
}

/** Slots of different tensors; of tied ones the first, which is the one that masks name. */
export function withoutTies({ slots }: Pick<PlanBase, 'slots'>): Slot[] {
  const names = new Set<string>()
  return [...slots.keys()].filter((slot) => {
    const { name } = slots.get(slot)!
    const first = !names.has(name)
    names.add(name)
    return first
  })
}

function countKept(base: Omit<PlanBase, 'hash'>, decision: Decision): Map<Slot, number> {
  const counts = [...base.slots].map(([slot, { shape }]) => {
    if (isDropped(base, decision, slot)) return [slot, 0] as const
    const bits = decidedBits(base, decision, slot)
    return [slot, bits === null ? elementsOf(shape) : countBits(bits)] as const
  })
  return new Map(counts)
}

function densityOf(elements: number, kept: number): Density {
  return { elements, kept, density: elements === 0 ? 1 : kept / elements }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
