import type { Decision } from '../checkpoint/decision.js'
import type { TensorArray } from '../checkpoint/safetensors-write.js'
import { decidedBits, isDropped, type PlanBase } from './base.js'
import type { PlanParts } from './plan.js'
import { withoutTies } from './summary.js'

/** The key of `__metadata__` that makes a safetensors file a plan. */
export const planKey = 'twofour_plan'

/** Half-open ranges. */
export type Ranges = readonly (readonly [begin: number, end: number])[]

/** One U8 tensor for each tensor of the base of which something goes: its kept bits. */
export function planTensors({ base, decision }: Pick<PlanParts, 'base' | 'decision'>): TensorArray[] {
  return withoutTies(base).flatMap((slot) => {
    const bits = isDropped(base, decision, slot) ? null : decidedBits(base, decision, slot)
    if (bits === null) return []
    const { name } = base.slots.get(slot)!
    return [{ name, dtype: 'U8' as const, shape: [bits.length], data: bits }]
  })
}

/** Everything else, as one JSON text. */
export function writePlanMetadata({ base, decision, pass, earlier }: PlanParts): Record<string, string> {
  const plan = {
    version: 1,
    base: writeBase(base),
    recipe: pass.recipe,
    seed: pass.recipe.seed,
    steps: pass.steps,
    earlier,
    ...writeStructure(decision),
  }
  return { format: 'pt', [planKey]: JSON.stringify(plan) }
}

function writeBase(base: PlanBase): Record<string, unknown> {
  return { ...base, slots: Object.fromEntries(base.slots) }
}

function writeStructure({ layers, heads, neurons, masks }: Decision): Record<string, unknown> {
  return {
    layers,
    heads: Object.fromEntries(heads),
    neurons: Object.fromEntries([...neurons].map(([set, kept]) => [set, rangesOf(kept)])),
    masks: [...masks.keys()],
  }
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
