import type { Decision } from '../checkpoint/decision.js'
import type { TensorArray } from '../checkpoint/safetensors-write.js'
import { decidedBits, isDropped, type PlanBase } from './base.js'
import type { PlanParts } from './plan.js'
import { withoutTies } from './summary.js'

/** The key of `__metadata__` that makes a safetensors file a plan. */
export const planKey = 'twofour_plan'

/** Half-open ranges. */
export type Ranges = readonly (readonly [begin: number, end: number])[]

/** Before the name of a tensor of the base, in that of its new numbers; no family has a name with a slash. */
export const valuesPrefix = 'values/'

/**
 * One U8 tensor for each tensor of the base of which something goes, its kept bits; and one for each that has new
 * numbers, as the base stores it.
 */
export function planTensors(parts: Pick<PlanParts, 'base' | 'decision'>): TensorArray[] {
  return [...bitTensors(parts), ...valueTensors(parts)]
}

function bitTensors({ base, decision }: Pick<PlanParts, 'base' | 'decision'>): TensorArray[] {
  return withoutTies(base).flatMap((slot) => {
    const bits = isDropped(base, decision, slot) ? null : decidedBits(base, decision, slot)
    if (bits === null) return []
    const { name } = base.slots.get(slot)!
    return [{ name, dtype: 'U8' as const, shape: [bits.length], data: bits }]
  })
}

function valueTensors({ base, decision }: Pick<PlanParts, 'base' | 'decision'>): TensorArray[] {
  return [...decision.values].map(([slot, data]) => {
    const { name, shape, dtype } = base.slots.get(slot)!
    return { name: valuesPrefix + name, dtype: dtype!, shape: [...shape], data }
  })
}

/** Everything else, as one JSON text: of version 2 where there are new numbers. */
export function writePlanMetadata({ base, decision, pass, earlier }: PlanParts): Record<string, string> {
  const valued = decision.values.size > 0
  const plan = {
    version: valued ? 2 : 1,
    base: writeBase(base, valued),
    recipe: pass.recipe,
    seed: pass.recipe.seed,
    steps: pass.steps,
    earlier,
    ...writeStructure(decision),
    ...(valued && { values: [...decision.values.keys()] }),
    ...(decision.orders !== undefined &&
      decision.orders.size > 0 && { orders: writeOrders(decision.orders) }),
  }
  return { format: 'pt', [planKey]: JSON.stringify(plan) }
}

function writeBase(base: PlanBase, valued: boolean): Record<string, unknown> {
  const slots = [...base.slots].map(([slot, { name, shape, dtype }]) => {
    return [slot, valued ? { name, shape, dtype } : { name, shape }] as const
  })
  return { ...base, slots: Object.fromEntries(slots) }
}

function writeStructure({ layers, heads, neurons, masks }: Decision): Record<string, unknown> {
  return {
    layers,
    heads: Object.fromEntries(heads),
    neurons: Object.fromEntries([...neurons].map(([set, kept]) => [set, rangesOf(kept)])),
    masks: [...masks.keys()],
  }
}

function writeOrders(orders: NonNullable<Decision['orders']>): Record<string, number[]> {
  return Object.fromEntries([...orders].map(([slot, order]) => [slot, [...order]]))
}

/** Ascending indices as half-open ranges. */
export function rangesOf(indices: Iterable<number>): Ranges {
  const ranges: [number, number][] = []
  for (const index of indices) {
    const last = ranges.at(-1)
    if (last !== undefined && last[1] === index) last[1] = index + 1
    else ranges.push([index, index + 1])
  }
  return ranges
}
