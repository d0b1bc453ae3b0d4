import type { Checkpoint } from '../checkpoint/checkpoint.js'
import { TwofourError } from '../errors.js'
import { type PlanBase, type SlotShape, shapeOf } from './base.js'

/**
 * Holds what a plan says of its base against the base: native code trusts the result.
 * @throws TwofourError PLAN_INVALID, naming the first thing that is not so
 */
export function checkFits(plan: PlanBase, checkpoint: Checkpoint): void {
  const base = shapeOf(checkpoint)
  const wrong =
    plan.headSize !== base.headSize || plan.originalHeads !== base.originalHeads
      ? 'the size of its heads'
      : !same(plan.layers, base.layers)
        ? 'its layers'
        : [...base.slots].find(([slot, tensor]) => !fits(plan.slots.get(slot), tensor))?.[0]
  if (wrong === undefined && plan.slots.size === base.slots.size) return
  const what = wrong ?? 'the number of its tensors'
  const message = `The plan is damaged: what it says of ${what} is not so in ${checkpoint.root}. Make it again with \`prune\`.`
  throw new TwofourError('PLAN_INVALID', message, { directory: checkpoint.root, what })
}

/** What a plan does not say of a tensor is not held against it. */
function fits(planned: SlotShape | undefined, tensor: SlotShape): boolean {
  return planned !== undefined && same({ ...tensor, ...planned }, tensor)
}

/** Plain JSON, keys in the same order because the same code wrote them. */
function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
