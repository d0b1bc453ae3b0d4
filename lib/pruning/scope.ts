import { linearSlots, type Slot } from '../architecture/spec.js'
import { checkInteger, checkOneOf, expected } from '../check.js'
import type { StoredTensor } from '../checkpoint/stored.js'
import type { RecipeBase, StepContext } from './pattern.js'
import type { WeightSlot } from './recipe-types.js'

const weightSlots: readonly WeightSlot[] = ['wordEmbeddings', ...linearSlots]

/** Layers of a step, ascending; all of the base where it names none. @throws TypeError, RangeError */
export function checkLayers(at: string, value: unknown, base: RecipeBase): number[] {
  if (value === undefined) return base.layers.map((_, index) => index)
  return checkIndices(`${at}.layers`, value, base.layers.length)
}

/** Slots of a step in the order of the forward pass; the six linears where it names none. @throws TypeError */
export function checkSlots(at: string, value: unknown): WeightSlot[] {
  if (value === undefined) return [...linearSlots]
  const what = `${at}.slots`
  if (!Array.isArray(value) || value.length === 0)
    throw new TypeError(expected(what, 'a list of slots', value))
  const named = value.map((slot, index) => checkOneOf(`${what}[${index}]`, slot, weightSlots))
  return weightSlots.filter((slot) => named.includes(slot))
}

/** A non-empty list of different indices below `count`, ascending. @throws TypeError, RangeError */
export function checkIndices(what: string, value: unknown, count: number): number[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw new TypeError(expected(what, 'a list of at least one index', value))
  }
  const indices = value.map((index, place) => checkInteger(`${what}[${place}]`, index, 0, count - 1))
  const twice = indices.find((index, place) => indices.indexOf(index) !== place)
  if (twice !== undefined)
    throw new RangeError(`Expected \`${what}\` to name each index once, got ${twice} twice.`)
  return indices.sort((a, b) => a - b)
}

/** Weight sets that the scope's layers read, as far as earlier steps left those; ascending, each once. */
export function setsInScope({ base, decision }: StepContext, layers: readonly number[]): number[] {
  const kept = layers.filter((layer) => decision.layers.includes(layer))
  return [...new Set(kept.map((layer) => base.layers[layer]!.weights))].sort((a, b) => a - b)
}

export type ScopedWeight = { readonly slot: Slot; readonly stored: StoredTensor }

/** The matrices of a step over weights, in the order of the forward pass. */
export function weightsInScope(
  context: StepContext,
  slots: readonly WeightSlot[],
  layers: readonly number[],
): ScopedWeight[] {
  const names = slots.includes('wordEmbeddings') ? ['wordEmbeddings'] : []
  for (const set of setsInScope(context, layers)) {
    for (const slot of linearSlots) if (slots.includes(slot)) names.push(`layers.${set}.${slot}.weight`)
  }
  return names.map((slot) => ({ slot, stored: context.slots.get(slot)! }))
}
